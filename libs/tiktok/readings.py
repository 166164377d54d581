"""What each of TikTok's codes means and what to do about it: section 5, fail_reason (3.5) and OAuth errors (1.4).

One table. A code that is not in it is `Class.UNKNOWN`: never a success, never repeated blindly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Class(StrEnum):
    """The decision a code asks for."""

    OK = "ok"
    """Success; the only one."""
    PERMANENT = "permanent"
    """The same request will be refused again: a fault of ours, or a request about the wrong thing."""
    USER_FIXABLE = "user_fixable"
    """The person who posts can change the media, the settings or the app, and send it again."""
    OPERATOR_FIXABLE = "operator_fixable"
    """Whoever runs the TikTok app must change something in its portal or its settings."""
    REAUTHORIZE = "reauthorize"
    """The account must be connected again."""
    REFRESH = "refresh"
    """Refresh the access token once, then repeat; if it is refused again, the account must be connected again."""
    WAIT_CAP = "wait_cap"
    """A cap over 24 hours is reached; repeat when it has room again."""
    RATE_LIMITED = "rate_limited"
    """Too many calls in this minute; repeat after the rest of it."""
    RETRY = "retry"
    """Trouble on TikTok's side; repeat with backoff what is safe to repeat."""
    STOP = "stop"
    """Final for this post; nothing to change and nothing to wait for."""
    UNKNOWN = "unknown"
    """A code this table does not have."""


class Source(StrEnum):
    """Where a code was read; the same word may mean different things in different places."""

    CODE = "code"
    """`error.code` of an API answer."""
    FAIL_REASON = "fail_reason"
    """Why a post failed, in a status or a webhook."""
    OAUTH = "oauth"
    """`error` of a token answer or of the browser's callback."""


RETRYABLE = frozenset({Class.REFRESH, Class.WAIT_CAP, Class.RATE_LIMITED, Class.RETRY})


@dataclass(frozen=True, slots=True)
class Reading:
    """A code, the class of decision it asks for, and one sentence for the person who reads it."""

    code: str
    kind: Class
    remedy: str

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without a person. Not whether repeating it is safe."""
        return self.kind in RETRYABLE


def read_code(code: str) -> Reading:
    """What `error.code` means."""
    return _read(Source.CODE, code)


def read_fail_reason(reason: str) -> Reading:
    """What the `fail_reason` of a post means."""
    return _read(Source.FAIL_REASON, reason)


def read_oauth(error: str) -> Reading:
    """What the string `error` of an OAuth answer or callback means."""
    return _read(Source.OAUTH, error)


def _read(source: Source, code: str) -> Reading:
    known = TABLE.get((source, code))
    if known is None and source in _KIN:
        kin = TABLE.get((_KIN[source], code))
        known = kin if kin is not None and kin.kind in _SAFE_ELSEWHERE else None
    return known if known is not None else Reading(code, Class.UNKNOWN, _UNKNOWN)


_KIN = {Source.CODE: Source.FAIL_REASON, Source.FAIL_REASON: Source.CODE}
"""TikTok may say in an answer what the sheet has as the reason of a failed post, and the other way round."""
_SAFE_ELSEWHERE = frozenset(
    {Class.PERMANENT, Class.USER_FIXABLE, Class.OPERATOR_FIXABLE, Class.REAUTHORIZE, Class.WAIT_CAP, Class.STOP}
)
"""What a word means also where the sheet does not have it: none of these is a success, or sends anything again soon."""
_UNKNOWN = (
    "This version does not know TikTok's code. Nothing was assumed to have succeeded; look it up in TikTok's "
    "documentation, and quote the log id when asking TikTok."
)
_CHANGE_MEDIA = "Change the video or photo so that it is within TikTok's limits, then post it again: "
_DAILY_CAP = (
    "This creator has made all the posts TikTok allows in 24 hours, in all apps together. Wait until the cap has room."
)
_BANNED = "TikTok has banned this creator from posting. Only the creator can take that up with TikTok."
_OUR_FAULT = "TikTok found a value it does not accept. Read its message, correct the request and send it again."
_CONNECT = "Connect the account again"
_STRICTER = "It judges posts made by an app more strictly than those made by hand."

_CODES = {
    "ok": (Class.OK, "TikTok accepted the request."),
    "invalid_param": (Class.PERMANENT, _OUR_FAULT),
    "invalid_params": (Class.PERMANENT, _OUR_FAULT),
    "app_version_check_failed": (
        Class.USER_FIXABLE,
        "The creator's TikTok app is too old for photo drafts. Ask the creator to update it to 31.8 or later.",
    ),
    "invalid_publish_id": (
        Class.PERMANENT,
        "TikTok does not know this publish_id. Check which app and account made it.",
    ),
    "token_not_authorized_for_specified_publish_id": (
        Class.PERMANENT,
        "Another account made this publish_id. Ask with the token of the account that posted.",
    ),
    "publish_not_cancellable": (Class.PERMANENT, "It is too late to cancel this post. Keep following its status."),
    "scope_permission_missed": (Class.REAUTHORIZE, f"{_CONNECT} and allow the permission that this field needs."),
    "invalid_file_upload": (Class.USER_FIXABLE, f"{_CHANGE_MEDIA}its format or its size was refused."),
    "access_token_invalid": (
        Class.REFRESH,
        "The access token is no longer valid. It is refreshed once; if that does not help, connect the account again.",
    ),
    "scope_not_authorized": (Class.REAUTHORIZE, f"{_CONNECT} and allow all the permissions it asks for."),
    "spam_risk_too_many_posts": (Class.WAIT_CAP, _DAILY_CAP),
    "spam_risk_user_banned_from_posting": (Class.STOP, _BANNED),
    "reached_active_user_cap": (
        Class.WAIT_CAP,
        "As many creators as TikTok allows this app in 24 hours have posted. Wait, or ask TikTok for a larger quota.",
    ),
    "spam_risk_too_many_pending_share": (
        Class.WAIT_CAP,
        "Five drafts of the last 24 hours wait in the creator's inbox. Ask the creator to post some of them, or wait.",
    ),
    "unaudited_client_can_only_post_to_private_accounts": (
        Class.OPERATOR_FIXABLE,
        "The TikTok app is not audited: only private accounts can post, and only as SELF_ONLY. Pass TikTok's audit.",
    ),
    "url_ownership_unverified": (
        Class.OPERATOR_FIXABLE,
        "TikTok has not verified the domain the media is pulled from. Verify it in the developer portal.",
    ),
    "privacy_level_option_mismatch": (
        Class.USER_FIXABLE,
        "This creator cannot post with that privacy level. Load the creator's current options and choose one of them.",
    ),
    "rate_limit_exceeded": (Class.RATE_LIMITED, "Too many calls in one minute. Wait for the rest of the minute."),
    "internal_error": (Class.RETRY, "TikTok had trouble of its own. Try again later."),
}

_FAIL_REASONS = {
    "file_format_check_failed": (
        Class.USER_FIXABLE,
        f"{_CHANGE_MEDIA}use MP4, WebM or MOV, or JPEG or WebP for photos.",
    ),
    "duration_check_failed": (
        Class.USER_FIXABLE,
        f"{_CHANGE_MEDIA}it is too short, or longer than this creator may post.",
    ),
    "frame_rate_check_failed": (Class.USER_FIXABLE, f"{_CHANGE_MEDIA}the frame rate must be 23 to 60 per second."),
    "picture_size_check_failed": (
        Class.USER_FIXABLE,
        f"{_CHANGE_MEDIA}a video has 360 to 4096 pixels a side, a photo fits 1080 by 1920.",
    ),
    "internal": (Class.RETRY, "TikTok had trouble of its own. Start the post again."),
    "video_pull_failed": (
        Class.RETRY,
        "TikTok could not download the video. Check that its URL answers for an hour, and start again.",
    ),
    "photo_pull_failed": (
        Class.RETRY,
        "TikTok could not download a photo. Check that every URL answers for an hour, and start again.",
    ),
    "publish_cancelled": (Class.STOP, "The post was cancelled on request. Post it again if that was a mistake."),
    "auth_removed": (
        Class.REAUTHORIZE,
        f"The creator removed this app while the post was on its way. {_CONNECT} and post again.",
    ),
    "spam_risk_too_many_posts": (Class.WAIT_CAP, _DAILY_CAP),
    "spam_risk_user_banned_from_posting": (Class.STOP, _BANNED),
    "spam_risk_text": (
        Class.STOP,
        f"TikTok flagged the text of this post as risky. Do not send the same text again. {_STRICTER}",
    ),
    "spam_risk": (Class.STOP, f"TikTok flagged this post as risky. Do not send the same post again. {_STRICTER}"),
}

_OAUTH = {
    "access_denied": (Class.USER_FIXABLE, "The person declined. Start the connection again when they agree."),
    "invalid_client": (
        Class.OPERATOR_FIXABLE,
        "TikTok refuses the client key or secret. Correct them in the settings.",
    ),
    "invalid_grant": (Class.REAUTHORIZE, f"The code or refresh token has expired or was used. {_CONNECT}."),
    "invalid_request": (
        Class.PERMANENT,
        "TikTok found the request malformed. Read its description; redirect_uri must be the registered one.",
    ),
    "invalid_scope": (Class.OPERATOR_FIXABLE, "The app may not ask for one of these scopes. Add it in the portal."),
    "unauthorized_client": (
        Class.OPERATOR_FIXABLE,
        "The app may not use this grant. Check its products in the portal.",
    ),
    "unsupported_grant_type": (Class.PERMANENT, "TikTok does not know the grant type; the caller is at fault."),
    "unsupported_response_type": (Class.PERMANENT, "The authorize URL must ask for response_type=code."),
    "server_error": (Class.RETRY, "TikTok had trouble of its own. Try again later; the account stays connected."),
    "temporarily_unavailable": (Class.RETRY, "TikTok is busy. Try again later; the account stays connected."),
    "non_sandbox_target": (Class.OPERATOR_FIXABLE, "This app is a sandbox. Add the user to its targets in the portal."),
}

TABLE: Mapping[tuple[Source, str], Reading] = MappingProxyType(
    {
        (source, code): Reading(code, kind, remedy)
        for source, rows in ((Source.CODE, _CODES), (Source.FAIL_REASON, _FAIL_REASONS), (Source.OAUTH, _OAUTH))
        for code, (kind, remedy) in rows.items()
    }
)
"""Every code of the fact sheet, by where it is read."""
