"""What the fact sheet states, row by row, and which check proves it.

Every statement of sections 0 to 6 tagged [doc] or [client] has an id, `section.number`.
Checks name the ids they prove with `@proves`. What cannot have a check says why in `NO_CHECK`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.contract.simulator.box import Box

Check = Callable[[Box], Awaitable[None]]
C = TypeVar("C", bound=Check)

DOC, CLIENT = "doc", "client"

_SHEET = """
0.01 doc     v2 paths end in a slash; without it the gateway knows no such path
0.02 doc     envelope {"data", "error": {"code", "message", "log_id"}}; success is error.code "ok"
0.03 client  on errors data may be {} or absent (knob)
0.04 doc     log_id is a timestamp and hex, spelled log_id
0.05 doc     text length counts UTF-16 units: an emoji outside the BMP costs 2
0.06 doc     post ids are 19-digit integers above 2^53: numbers in status, strings in webhooks and Display
0.07 client  extra request fields are ignored
0.08 client  open_id is per app and user, begins with -000 or _000; union_id is the same across apps
0.09 doc     the API, authorize and upload hosts
0.10 doc     Authorization: Bearer and a user's token; a client token is for products without a user
0.11 doc     JSON requests say Content-Type: application/json; charset=UTF-8
0.12 doc     the six scopes
1.1.01 doc     client_key (not client_id) is required
1.1.02 doc     response_type is code
1.1.03 doc     scope is comma-separated
1.1.04 doc     redirect_uri matches a registered one exactly
1.1.05 doc     state is echoed
1.1.06 doc     disable_auto_auth=1 always shows the page
1.1.07 doc     code_challenge is hex lower-case SHA-256, 64 characters, not base64url
1.1.08 doc     code_challenge_method is S256
1.1.09 doc     verifier: 43 to 128 characters of [A-Za-z0-9-._~]; the sheet's vector
1.1.10 client  web apps need no PKCE; a verifier without a challenge is tolerated
1.1.11 client  localhost redirect URIs must bring PKCE
1.1.12 doc     web redirect URI: https, no query, no fragment, under 512 characters, at most 10
1.1.13 doc     desktop redirect URI: localhost or 127.0.0.1, port mandatory, * when registering
1.1.14 doc     success brings code, scopes really granted, state
1.1.15 doc     failure brings error, error_description, state
1.1.16 doc     code arrives URL-encoded, holds * and !, and works once
1.1.17 client  sandbox: at most 5 per app, 10 target users; others get non_sandbox_target; no public posting
1.2.01 doc     the token endpoint takes forms
1.2.02 doc     authorization_code: all fields, redirect_uri byte-identical, verifier for desktop
1.2.03 doc     refresh_token: its fields
1.2.04 doc     client_credentials: its fields
1.2.05 doc     user-token success is flat
1.2.06 doc     client-token success is flat and short
1.2.07 doc     24 h, 365 d from first issue, 2 h; scope comma-separated
1.2.08 doc     a refresh needs no user and may return another refresh token
1.3.01 doc     revoke: form, empty struct, access withdrawn, authorization.removed with reason 5
1.3.02 client  an expired access token is refused as unknown
1.4.01 doc     OAuth errors: error is a string, error_description, log_id
1.4.02 doc     the ten OAuth error values
1.4.03 doc     the descriptions that were seen
1.4.04 client  HTTP 200 on OAuth failures
1.4.05 client  invalid_grant on refresh means reconnect; server_error and 5xx mean retry
2.0.01 doc     600 a minute per endpoint, sliding; then 429 rate_limit_exceeded
2.1.01 doc     user/info: fields is mandatory
2.1.02 doc     user.info.basic fields
2.1.03 doc     user.info.profile fields
2.1.04 doc     user.info.stats fields
2.1.05 doc     only requested fields come back
2.1.06 doc     a field outside the scopes is 400 scope_permission_missed; no scope at all is 401
2.2.01 doc     video/list needs video.list
2.2.02 doc     max_count defaults to 10, is at most 20
2.2.03 doc     cursor is epoch milliseconds and may be any time: videos created before it
2.2.04 doc     public videos only, newest first
2.2.05 doc     videos, cursor, has_more
2.3.01 doc     video/query: at most 20 ids, the owner's only, others silently left out
2.3.02 client  non-numeric ids: "Video ID … must be an integer"
2.3.03 doc     the video object: names and types
2.3.04 doc     cover_image_url lives 6 h
2.3.05 doc     title and video_description are at most 150 long
3.0.01 doc     creator_info: video.publish, 20 a minute
3.0.02 doc     video/init: video.publish, 6 a minute
3.0.03 doc     inbox/video/init: video.upload, 6 a minute
3.0.04 doc     content/init: video.publish or video.upload by post_mode, 6 a minute
3.0.05 doc     status/fetch: either scope, 30 a minute
3.0.06 doc     cancel: the token or user that made the publish_id
3.0.07 doc     limits are per token and endpoint; no Retry-After
3.1.01 client  creator_info takes an empty body and {}
3.1.02 doc     creator_avatar_url lives 2 h
3.1.03 doc     creator_username and creator_nickname
3.1.04 doc     privacy_level_options of public and private accounts
3.1.05 doc     comment_disabled; duet_disabled and stitch_disabled also for private accounts
3.1.06 doc     max_video_post_duration_sec
3.1.07 client  unaudited apps may see only SELF_ONLY (knob)
3.1.08 doc     HTTP 200 with spam_risk_too_many_posts, spam_risk_user_banned_from_posting, reached_active_user_cap
3.1.09 doc     401 access_token_invalid and scope_not_authorized, 429, 5xx
3.1.10 doc     to be asked anew each time the compose screen is shown
3.2.01 doc     privacy_level is required and one of the creator's options
3.2.02 doc     title: at most 2200 UTF-16 units
3.2.03 doc     disable_comment, disable_duet, disable_stitch: bool, negative sense
3.2.04 doc     video_cover_timestamp_ms: int32; invalid means the first frame
3.2.05 doc     brand_content_toggle, brand_organic_toggle, is_aigc: bool, may be left out
3.2.06 doc     source_info of FILE_UPLOAD and PULL_FROM_URL
3.2.07 doc     publish_id at most 64, upload_url at most 256 characters
3.2.08 doc     upload_url is valid for one hour
3.2.09 client  publish_id forms; its number is not the post id
3.2.10 doc     a pull has no upload_url
3.2.11 doc     init is not idempotent
3.3.01 doc     inbox init takes only source_info and makes v_inbox ids
3.3.02 client  extra post_info on inbox init is ignored
3.3.03 doc     at most 5 pending shares in 24 h: 403 spam_risk_too_many_pending_share
3.4.01 doc     media_type and post_mode are required; bad ones: "Invalid media_type or post_mode"
3.4.02 doc     title at most 90, description at most 4000 UTF-16 units
3.4.03 doc     privacy_level is required for DIRECT_POST, not used for MEDIA_UPLOAD
3.4.04 doc     disable_comment, auto_add_music, brand toggles on DIRECT_POST
3.4.05 doc     disable_duet, disable_stitch, is_aigc and cover time do not exist for photos
3.4.06 doc     PULL_FROM_URL only: "The request source info is empty or incorrect"
3.4.07 doc     1 to 35 images
3.4.08 doc     photo_cover_index: required, 0-based
3.4.09 doc     p_pub_url publish ids
3.4.10 doc     MEDIA_UPLOAD: app_version_check_failed below 31.8
3.5.01 doc     statuses and lifecycles of direct file, direct pull and drafts
3.5.02 doc     fail_reason only with FAILED
3.5.03 doc     publicaly_available_post_id: spelled so, list of numbers, only public and moderated
3.5.04 doc     uploaded_bytes and downloaded_bytes
3.5.05 client  FAILED is HTTP 200 and ok; unset fields are left out
3.5.06 client  media checks run after init and upload were accepted
3.5.07 doc     PUBLISH_COMPLETE first, the id later; SELF_ONLY and unaudited posts never get one
3.5.08 client  posts can stay in PROCESSING_* for hours (scripted)
3.5.09 doc     every fail_reason
3.5.10 doc     one draft can yield several ids
3.5.11 client  a public post is at https://www.tiktok.com/@username/video/id
3.5.12 doc     processing: 512 MB in under 30 s, 1 GB in about a minute, 4 GB in more than two
3.6.01 doc     cancel: only running pulls; no data; webhook with publish_cancelled
3.6.02 doc     cancel: invalid_publish_id, token_not_authorized_for_specified_publish_id, publish_not_cancellable
3.6.03 doc     cancel: 401, 403 url_ownership_unverified, 429, 5xx
3.7.01 doc     unaudited: at most 5 posting users in 24 h
3.7.02 doc     unaudited: SELF_ONLY and a private account, else 403
3.7.03 doc     audited: active-creator cap in 24 h, reached_active_user_cap
3.7.04 client  a creator already counted may go on; drafts are exempt
3.7.05 doc     about 15 direct posts per creator in 24 h, all apps together
4.1.01 doc     count is floor(size / chunk); the last chunk carries the remainder
4.1.02 doc     chunks of 5 to 64 MB, at most 1000, last at most 128 MB
4.1.03 doc     under 5 MB: one chunk of the whole size; over 64 MB: several
4.1.04 doc     5 to 64 MB may go whole
4.1.05 client  ceil count: "The total chunk count is invalid"
4.1.06 client  count 1 with another chunk size: "The chunk size is invalid"
4.1.07 client  single chunks above 64,000,000 bytes: "The chunk size is invalid"
4.1.08 client  158,008,374 bytes go in 30 chunks of 5,242,880
4.2.01 doc     Content-Type, Content-Length and Content-Range of a PUT
4.2.02 doc     206, then 201; a single chunk answers 201 at once
4.2.03 doc     the answer's Content-Range is bytes 0-{count}/{total}
4.2.04 doc     400 for bad or missing headers and sizes
4.2.05 doc     403 when the URL expired
4.2.06 doc     404 when the task is unknown
4.2.07 doc     416 when the range does not match the progress
4.2.08 client  416 with no body when Content-Range is missing
4.2.09 doc     5xx: the same chunk can be sent again
4.2.10 client  an unknown path of the upload host is 405; bodies are empty or HTML
4.2.11 doc     an Authorization header is harmless
4.2.12 client  wrong bytes met an opaque 502
4.2.13 client  clients take 200 and 204 as well
4.3.01 doc     https only, no IP host; query strings are fine
4.3.02 doc     redirects are invalid
4.3.03 doc     unverified hosts: 403 url_ownership_unverified; domains cover subdomains, prefixes what is beneath
4.3.04 doc     one hour, then video_pull_failed
4.3.05 client  pulls hang and are tried again (knob)
4.3.06 doc     TikTok fetches at up to about 100 Mbps
4.4.01 doc     video formats MP4, WebM, MOV and codecs H.264, H.265, VP8, VP9
4.4.02 doc     360 to 4096 px a side
4.4.03 doc     23 to 60 fps
4.4.04 doc     at most 600 s and the creator's own limit
4.4.05 doc     at most 4 GB
4.4.06 doc     photos: WebP, JPEG; PNG is rejected
4.4.07 client  photos: short side at most 1080 and long side at most 1920
4.4.08 doc     photos: at most 20 MB each
4.4.09 client  one bad photo fails the whole carousel
4.4.10 doc     every creator may post at least 180 s
5.01 doc     every code of the table comes with its HTTP status
5.02 client  the wire says invalid_params, the docs invalid_param (knob)
5.03 doc     401 access_token_invalid has its message
5.04 client  messages are often generic
6.1.01 doc     envelope: client_key, event, create_time, user_openid, content as a string of JSON
6.1.02 client  the portal's test event counts milliseconds
6.1.03 doc     user_openid is absent for portability.download.ready
6.1.04 doc     one callback URL per app, all events
6.1.05 doc     only HTTP 200 is an answer; else retries with exponential backoff for 72 h, then dropped
6.1.06 doc     at least once: duplicates happen (scripted)
6.1.07 doc     a POST of JSON, without an event id
6.1.08 doc     callbacks are https
6.2.01 doc     header t=…,s=… over t.body with the client secret, hex; arrives as Tiktok-Signature
6.2.02 doc     the sheet's signature vector
6.3.01 doc     authorization.removed with its six reasons
6.3.02 doc     video.upload.failed and video.publish.completed with share_id
6.3.03 doc     portability.download.ready with an int64 request_id
6.3.04 doc     post.publish.failed with reason
6.3.05 doc     post.publish.complete, again for a draft posted again
6.3.06 doc     post.publish.inbox_delivered
6.3.07 doc     post.publish.publicly_available with post_id, after complete
6.3.08 doc     post.publish.no_longer_publicaly_available, sic
6.3.09 client  tiktok.ping
6.3.10 doc     the older spelling of publicly_available (knob)
6.3.11 client  publish_type DIRECT_PUBLISH or INBOX_SHARE
6.3.12 client  post_id is a string in webhooks
6.4.01 client  what other receivers take for the key of an event
"""


@dataclass(frozen=True)
class Row:
    """One statement."""

    id: str
    tag: str
    text: str


ROWS: dict[str, Row] = {}
for _line in _SHEET.strip().splitlines():
    _id, _tag, _text = _line.split(None, 2)
    ROWS[_id] = Row(_id, _tag, _text)

NO_CHECK: dict[str, str] = {
    "0.09": "one address stands for all hosts; test_clients.py sends TikTok's own names to it",
    "3.1.10": "a duty of platforms: TikTok cannot refuse a call that is not made",
    "3.5.12": "guidance; how long processing takes is the knob processing_s",
    "4.2.13": "what clients do; TikTok's own answers are 4.2.02",
    "4.3.06": "the knob bytes_per_s, which test_knobs.py turns; unlimited by default",
    "4.4.10": "the default is 600 s, and a test may set less so that a short film is too long",
    "5.04": "a warning to clients: recorded messages are the sheet's, all others our own words",
    "6.1.08": "TLS is not simulated: callbacks on loopback are plain http",
    "6.4.01": "what receivers do; ours is tested with libs.tiktok",
}
"""Rows that no check can prove, and why."""

CHECKS: dict[str, Check] = {}
PROVED: dict[str, set[str]] = {}


def proves(*rows: str) -> Callable[[C], C]:
    """Registers a check; a row that is not in the sheet is a mistake of ours."""

    def register(check: C) -> C:
        name = check.__name__
        if name in CHECKS or (unknown := [row for row in rows if row not in ROWS]):
            raise ValueError(f"{name}: twice, or of unknown rows {rows}: {locals().get('unknown')}")
        CHECKS[name] = check
        for row in rows:
            PROVED.setdefault(row, set()).add(name)
        return check

    return register


def missing() -> list[Row]:
    """Rows with neither a check nor a reason."""
    return [row for row in ROWS.values() if row.id not in PROVED and row.id not in NO_CHECK]


def report() -> str:
    """One line per row: proved by what, or why not."""
    lines = []
    for row in ROWS.values():
        proof = ", ".join(sorted(PROVED.get(row.id, ()))) or NO_CHECK.get(row.id, "NO TEST")
        lines.append(f"{row.id:<7} {row.tag:<7} {row.text}\n                  -> {proof}")
    proved = sum(row in PROVED for row in ROWS)
    lines.append(f"{proved} of {len(ROWS)} rows have a test, {len(NO_CHECK)} a reason, {len(missing())} neither")
    return "\n".join(lines)
