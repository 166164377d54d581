"""How TikTok says no (fact sheet 1.4 and 5).

SimulatorError
├── Refused        an error object: {"error": {"code", "message", "log_id"}}
├── OAuthRefused   the OAuth shape: {"error": "invalid_grant", "error_description", "log_id"}
└── UploadRefused  a bare status from the upload host
"""

from enum import StrEnum


class SimulatorError(Exception):
    """Base of everything TikTok refuses on purpose."""


class Code(StrEnum):
    """The error codes of fact sheet 5."""

    INVALID_PARAMS = "invalid_params"
    APP_VERSION = "app_version_check_failed"
    INVALID_PUBLISH_ID = "invalid_publish_id"
    NOT_YOUR_PUBLISH_ID = "token_not_authorized_for_specified_publish_id"
    NOT_CANCELLABLE = "publish_not_cancellable"
    SCOPE_MISSED = "scope_permission_missed"
    INVALID_FILE = "invalid_file_upload"
    TOKEN_INVALID = "access_token_invalid"  # noqa: S105 (a code, not a secret)
    SCOPE_NOT_AUTHORIZED = "scope_not_authorized"
    TOO_MANY_POSTS = "spam_risk_too_many_posts"
    BANNED = "spam_risk_user_banned_from_posting"
    USER_CAP = "reached_active_user_cap"
    TOO_MANY_PENDING = "spam_risk_too_many_pending_share"
    UNAUDITED = "unaudited_client_can_only_post_to_private_accounts"
    URL_UNVERIFIED = "url_ownership_unverified"
    PRIVACY_MISMATCH = "privacy_level_option_mismatch"
    RATE_LIMIT = "rate_limit_exceeded"
    INTERNAL = "internal_error"
    UNSUPPORTED_PATH = "unsupported_path"


_GUIDELINES = (
    "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/"
)

SPEC: dict[str, tuple[int, str]] = {
    Code.INVALID_PARAMS: (400, "The request parameters are invalid."),
    Code.APP_VERSION: (400, "The creator's TikTok app is older than 31.8."),
    Code.INVALID_PUBLISH_ID: (400, "The publish_id does not exist."),
    Code.NOT_YOUR_PUBLISH_ID: (400, "The access token is not authorized for the specified publish_id."),
    Code.NOT_CANCELLABLE: (400, "The publish can not be cancelled."),
    Code.SCOPE_MISSED: (400, "A requested field is outside the scopes the user granted."),
    Code.INVALID_FILE: (400, "The uploaded file does not conform to the specification."),
    Code.TOKEN_INVALID: (401, "The access token is invalid or not found in the request."),
    Code.SCOPE_NOT_AUTHORIZED: (401, "The user did not authorize the scope required for completing this request."),
    Code.TOO_MANY_POSTS: (403, "Daily post cap reached"),
    Code.BANNED: (403, "The user is banned from making new posts."),
    Code.USER_CAP: (403, "The daily quota of active publishing users of this client has been reached."),
    Code.TOO_MANY_PENDING: (403, "There may be at most 5 pending shares within any 24-hour period."),
    Code.UNAUDITED: (403, _GUIDELINES),
    Code.URL_UNVERIFIED: (403, _GUIDELINES),
    Code.PRIVACY_MISMATCH: (403, _GUIDELINES),
    Code.RATE_LIMIT: (429, "The request rate limit has been exceeded."),
    Code.INTERNAL: (500, "Something went wrong. Please try again later."),
    # Not in the sheet's table: what the gateway really says to a missing trailing slash or a wrong method.
    Code.UNSUPPORTED_PATH: (404, "Unsupported path(Janus)"),
}


class Refused(SimulatorError):
    """An error object with TikTok's code. `status` differs from the table only where creator_info answers 200.

    A code that is none of the table's is one that TikTok has added since: a script's word.
    """

    def __init__(self, code: str, message: str | None = None, *, status: int | None = None) -> None:
        usual_status, usual_message = SPEC.get(code, (400, "Something that no client knows."))
        self.code = code
        self.message = message or usual_message
        self.status = status or usual_status
        super().__init__(f"{code}: {self.message}")


class OAuthRefused(SimulatorError):
    """An OAuth error; its HTTP status is a knob, because clients saw 200."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description
        super().__init__(f"{error}: {description}")


class UploadRefused(SimulatorError):
    """A bare answer of the upload host; `progress` adds the Content-Range header that tells where to go on."""

    def __init__(self, status: int, reason: str, *, progress: bool = False) -> None:
        self.status = status
        self.reason = reason
        self.progress = progress
        super().__init__(f"{status}: {reason}")
