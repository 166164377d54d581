"""A fault: what it matches, how often, and what it does."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.simulator.world.error import Code
from services.simulator.world.record import FailReason


class Do(StrEnum):
    """Every way a fault can act. Waits of calls are real seconds, because they are meant for real sockets."""

    # calls
    STATUS = "status"
    """Answers `status` with an HTML body; nothing happens in the world."""
    ERROR = "error"
    """Answers TikTok's error `code` (or the OAuth error `oauth_error`); nothing happens."""
    HANG = "hang"
    """Says nothing for `seconds`, then cuts the connection; nothing happens."""
    RESET = "reset"
    """Resets the connection before anything happens."""
    LATENCY = "latency"
    """Waits `seconds` and up to `jitter_s` more, then goes on as usual."""
    STATUS_AFTER = "status_after"
    """It happens, and the answer is `status` all the same."""
    HANG_AFTER = "hang_after"
    """It happens, then silence for `seconds` and a cut."""
    RESET_AFTER = "reset_after"
    """It happens, and the connection is reset instead of an answer."""
    SLOW_BODY = "slow_body"
    """The answer drips: one byte every `seconds`."""
    TRUNCATED_BODY = "truncated_body"
    """Half of the answer, then a cut."""
    GARBAGE_AFTER = "garbage_after"
    """It happens, and the answer is 200 and bytes that mean nothing."""
    WEBHOOK_FIRST = "webhook_first"
    """The answer waits until a webhook of the publication it made was answered (at most `seconds`)."""
    # what happens to a publication after its bytes are in
    FAIL_POST = "fail_post"
    """Ends it with `fail_reason`."""
    STICK = "stick"
    """Stays in PROCESSING_* for `seconds` of the clock (for ever without), then goes on or fails with `fail_reason`."""
    # webhooks
    DROP = "drop"
    """Never sent."""
    DUPLICATE = "duplicate"
    """Sent `times` more, each `seconds` later."""
    DELAY = "delay"
    """First sent `seconds` later."""
    REORDER = "reorder"
    """Held until the next event of the app went out (at most `seconds`)."""
    CORRUPT = "corrupt"
    """Sent with `part` broken."""
    # the world, at the moment a call comes
    EFFECT = "effect"
    """Does `effect`, then goes on as usual."""
    EFFECT_AFTER = "effect_after"
    """Goes on as usual, then does `effect` before answering."""


CALLS = frozenset({
    Do.STATUS, Do.ERROR, Do.HANG, Do.RESET, Do.LATENCY, Do.STATUS_AFTER, Do.HANG_AFTER, Do.RESET_AFTER, Do.SLOW_BODY,
    Do.TRUNCATED_BODY, Do.GARBAGE_AFTER, Do.WEBHOOK_FIRST, Do.EFFECT, Do.EFFECT_AFTER,
})  # fmt: skip
POSTS = frozenset({Do.FAIL_POST, Do.STICK})
WEBHOOKS = frozenset({Do.DROP, Do.DUPLICATE, Do.DELAY, Do.REORDER, Do.CORRUPT})


class Effect(StrEnum):
    """What can befall the account a call is about."""

    REMOVE_AUTHORIZATION = "remove_authorization"
    EXPIRE_TOKEN = "expire_token"  # noqa: S105 (not a secret)
    BAN = "ban"
    SPEND_DAILY_CAP = "spend_daily_cap"
    MAKE_PRIVATE = "make_private"
    MAKE_PUBLIC = "make_public"


class Fault(BaseModel):
    """Unset conditions match everything. `skip` lets some matches pass first; `count` null never wears out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Do
    name: str = Field("", max_length=100, description="for the log and the page")
    endpoint: str = Field("*", description="as in the call log: `video/init`, `upload`, `oauth/token`, …; `*` is any")
    open_id: str | None = None
    publish_id: str | None = None
    chunk: Annotated[int, Field(ge=1)] | Literal["last"] | None = Field(None, description="1 is the first")
    grant_type: str | None = None
    event: str | None = Field(None, description="webhook event")
    skip: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = 1
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0

    status: Annotated[int, Field(ge=400, le=599)] = 500
    code: Code | Annotated[str, Field(pattern="^[a-z0-9_]{1,64}$")] | None = Field(
        None, description="one of the fact sheet's, or any word"
    )
    oauth_error: str | None = None
    message: str | None = Field(None, max_length=500)
    seconds: Annotated[float, Field(ge=0, le=400 * 86_400)] | None = None
    jitter_s: Annotated[float, Field(ge=0, le=600)] = Field(0.0, description="of latency: up to so much longer")
    times: Annotated[int, Field(ge=1, le=100)] = 1
    fail_reason: FailReason | None = None
    part: Literal["signature", "body", "header", "secret"] = "signature"
    effect: Effect | None = None
    reason: Annotated[int, Field(ge=0, le=5)] = Field(1, description="of authorization.removed")

    @model_validator(mode="after")
    def _complete(self) -> "Fault":
        if self.do is Do.ERROR and self.code is None and self.oauth_error is None:
            raise ValueError("error needs a code or an oauth_error")
        if self.do is Do.FAIL_POST and self.fail_reason is None:
            raise ValueError("fail_post needs a fail_reason")
        if self.do in (Do.EFFECT, Do.EFFECT_AFTER) and self.effect is None:
            raise ValueError("an effect must be named")
        if self.do in CALLS and (self.seconds or 0) > 600:
            raise ValueError("calls wait 600 real seconds at most")
        return self

    def matches(self, facts: "Facts") -> bool:
        return (
            self.endpoint in ("*", facts.endpoint)
            and self.open_id in (None, facts.open_id)
            and self.publish_id in (None, facts.publish_id)
            and (self.chunk is None or self.chunk == facts.chunk or (self.chunk == "last" and facts.last_chunk))
            and self.grant_type in (None, facts.grant_type)
            and self.event in (None, facts.event)
        )


class Facts(BaseModel):
    """What a call, a publication or a webhook is about."""

    model_config = ConfigDict(frozen=True)

    endpoint: str = ""
    open_id: str | None = None
    publish_id: str | None = None
    chunk: int | None = None
    last_chunk: bool = False
    grant_type: str | None = None
    event: str | None = None


def describe(fault: Fault) -> dict[str, Any]:
    """Only what was set, for listings."""
    return fault.model_dump(mode="json", exclude_defaults=True) | {"do": fault.do.value}
