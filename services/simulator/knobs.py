"""Everything the fact sheet leaves open (its section 9) or a test wants to turn, changeable at run time."""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DAY_S = 86_400
MB = 1_000_000

Seconds = Annotated[float, Field(ge=0, le=400 * DAY_S)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Size = Annotated[int, Field(ge=1, le=1 << 43)]


class RefreshRotation(StrEnum):
    """What a refresh does to the refresh token that was sent."""

    ROTATE = "rotate"
    """A new one each time; the old one is dead at once."""
    GRACE = "grace"
    """A new one each time; the old one lives `refresh_grace_s` longer."""
    SAME = "same"
    """The same one comes back."""


class Knobs(BaseModel):
    """Defaults follow the fact sheet; seconds are seconds of the simulator's clock unless the name says `real`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # OAuth (fact sheet 1)
    oauth_error_status: Literal[200, 400, 401] = Field(200, description="HTTP status of an OAuth error")
    refresh_rotation: RefreshRotation = Field(RefreshRotation.ROTATE, description="rotate, grace or same")
    refresh_grace_s: Seconds = Field(30.0, description="how long a rotated refresh token still works under `grace`")
    refresh_expiry: Literal["remaining", "reset"] = Field("remaining", description="`refresh_expires_in` on refresh")
    refresh_kills_access: bool = Field(False, description="a refresh ends the previous access token at once")
    code_ttl_s: Seconds = Field(300.0, description="life of an authorization code")
    access_token_ttl_s: Seconds = Field(86_400.0, description="life of a user access token")
    refresh_token_ttl_s: Seconds = Field(31_536_000.0, description="life of a refresh token from first issue")
    client_token_ttl_s: Seconds = Field(7_200.0, description="life of a client token")
    pkce_for_desktop: bool = Field(True, description="localhost redirect URIs must bring a code_challenge")
    out_of_scope_field: Literal["refuse", "omit"] = Field("refuse", description="user/info field outside the scopes")
    username_scope: Literal["profile", "basic"] = Field("profile", description="which user.info scope shows `username`")
    creator_info_scope: Literal["publish", "any"] = Field("publish", description="`any`: video.upload is enough too")

    # Who may post (3.7)
    audited: bool = Field(False, description="new apps are audited; the first app follows this knob")
    unaudited_options: Literal["account", "self_only"] = Field(
        "account", description="privacy_level_options shown to an unaudited app"
    )
    unaudited_user_cap: Count = Field(5, description="distinct posting users per 24 h of an unaudited app")
    active_user_cap: Count = Field(1_000_000, description="distinct posting users per 24 h of an audited app")
    daily_post_cap: Count = Field(15, description="direct posts per creator per 24 h, all apps together")
    pending_share_cap: Count = Field(5, description="pending drafts per creator in any 24 h")
    branded_self_only: Literal["accept", "403", "400"] = Field("accept", description="branded content with SELF_ONLY")

    # Limits per token and endpoint per sliding minute (2, 3)
    limit_display: Count = Field(600, description="user/info, video/list, video/query, each")
    limit_creator_info: Count = Field(20, description="creator_info/query")
    limit_init: Count = Field(6, description="video/init, inbox/video/init, content/init, each")
    limit_status: Count = Field(30, description="status/fetch")
    limit_cancel: Count = Field(0, description="cancel; 0 is no limit (none is documented)")

    # Upload (4.1, 4.2)
    chunk_min_bytes: Size = Field(5_242_880, description="smallest chunk of a plan with several")
    chunk_max_bytes: Size = Field(64_000_000, description="largest chunk, and largest single-chunk video")
    last_chunk_max_bytes: Size = Field(128_000_000, description="largest last chunk")
    chunk_count_max: Count = Field(1000, description="most chunks of one video")
    video_max_bytes: Size = Field(4 << 30, description="largest video")
    upload_url_ttl_s: Seconds = Field(3_600.0, description="life of an upload_url")
    reput_accepted: Literal[416, 206] = Field(416, description="answer to a range that was already accepted")
    missing_range: Literal[416, 400] = Field(416, description="answer to a PUT without Content-Range")
    bytes_per_s: Annotated[int, Field(ge=0, le=1 << 40)] = Field(
        0, description="how fast uploads are read and pulls are made, real time; 0 is unlimited"
    )

    # Pull (4.3)
    pull_loopback: Literal["verified", "allowed", "off"] = Field(
        "verified",
        description="loopback hosts: `allowed` may be http and an IP, `verified` also needs no proof of ownership",
    )
    pull_delay_s: Seconds = Field(0.0, description="wait before a pull starts")
    pull_attempts: Annotated[int, Field(ge=1, le=100)] = Field(1, description="tries before video_pull_failed")
    pull_retry_s: Seconds = Field(60.0, description="wait between tries")
    pull_deadline_s: Seconds = Field(3_600.0, description="a pull that is not done by then has failed")
    pull_idle_real_s: Seconds = Field(30.0, description="a silent server is given up after so many real seconds")

    # What happens after the bytes are in (3.5, 4.4)
    check_media: bool = Field(True, description="really probe the bytes")
    processing_s: Seconds = Field(0.5, description="from all bytes to PUBLISH_COMPLETE or SEND_TO_USER_INBOX")
    public_id_delay_s: Seconds | None = Field(2.0, description="from complete to the public id; null is never")
    stuck: bool = Field(False, description="posts never leave PROCESSING_*")
    video_min_s: Seconds = Field(1.0, description="shortest video (undocumented; products claim 1 or 3)")
    video_max_s: Seconds = Field(600.0, description="longest video, before the creator's own limit")
    draft_autopost_s: Seconds | None = Field(
        None, description="creators post their drafts after so long; null is never"
    )
    draft_retention_s: Seconds | None = Field(None, description="drafts vanish from the inbox after so long")
    publish_id_retention_s: Seconds | None = Field(None, description="publish ids are forgotten after so long")

    # Errors (5)
    param_error: Literal["invalid_params", "invalid_param"] = Field("invalid_params", description="its spelling")
    error_data: Literal["empty", "absent"] = Field("empty", description="`data` of an error")

    # Webhooks (6)
    webhook_resign: bool = Field(True, description="every attempt gets its own `t` and signature")
    webhook_timeout_real_s: Annotated[float, Field(gt=0, le=120)] = Field(10.0, description="wait for the receiver")
    webhook_retry_first_s: Annotated[float, Field(gt=0, le=DAY_S)] = Field(5.0, description="first backoff; doubles")
    webhook_retry_max_s: Annotated[float, Field(gt=0, le=DAY_S)] = Field(6 * 3600.0, description="longest backoff")
    webhook_retry_for_s: Seconds = Field(72 * 3600.0, description="dropped after so long")
    webhook_delay_s: Seconds = Field(0.0, description="wait before the first attempt")
    event_spelling: Literal["documented", "older"] = Field(
        "documented", description="`older`: post.publish.publicaly_available and no_longer_publicly_available"
    )

    def changed(self, change: dict[str, Any]) -> "Knobs":
        """These knobs with `change` applied and validated; raises pydantic's ValidationError naming what is wrong."""
        return Knobs.model_validate({**self.model_dump(), **change})


def parse_knobs(text: str) -> dict[str, Any]:
    """`name=value,name=value`; a value that is JSON is read as JSON (`audited=true`, `public_id_delay_s=null`)."""
    given: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not name=value")
        try:
            given[name.strip()] = json.loads(value)
        except ValueError:
            given[name.strip()] = value.strip()
    return given
