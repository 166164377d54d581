"""Faults with a name and a story (issue line: reproduced on demand). Each is a pure recipe; `script/` arms it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.simulator.fault.rule import Do, Effect, Fault
from services.simulator.world.record import FailReason


class Terms(BaseModel):
    """What a scenario may be told; each uses what makes sense to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open_id: str | None = Field(None, description="only this account; none: whoever comes first")
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    skip: Annotated[int, Field(ge=0, le=10_000)] = 0
    chunk: Annotated[int, Field(ge=1)] = Field(2, description="token_revoked_mid_upload: before this chunk")
    seconds: Annotated[float, Field(ge=0, le=400 * 86_400)] | None = None
    after: Annotated[int, Field(ge=0, le=1000)] = Field(3, description="daily_cap_mid_batch: posts that still go out")
    endpoint: str | None = Field(None, description="init_reply_lost, webhook_before_init_reply: which init")
    fail_reason: FailReason | None = Field(None, description="stuck_processing_24h: how it ends; none: it publishes")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Faults to arm, knobs to turn, and how many direct posts the account may still make."""

    faults: tuple[Fault, ...] = ()
    knobs: dict[str, Any] = field(default_factory=dict)
    posts_left: int | None = None


def _init_reply_lost(t: Terms) -> Recipe:
    """The init takes effect and the connection is reset instead of an answer."""
    return Recipe((_fault("init_reply_lost", Do.RESET_AFTER, t, endpoint=t.endpoint or "video/init"),))


def _last_chunk_reply_lost(t: Terms) -> Recipe:
    """All bytes are in, processing starts, and the 201 never arrives."""
    return Recipe((_fault("last_chunk_reply_lost", Do.RESET_AFTER, t, endpoint="upload", chunk="last"),))


def _webhook_before_init_reply(t: Terms) -> Recipe:
    """A pull is fetched, published and told by webhook before the init's own answer arrives."""
    name = "webhook_before_init_reply"
    fault = _fault(name, Do.WEBHOOK_FIRST, t, endpoint=t.endpoint or "video/init", seconds=t.seconds or 20.0)
    return Recipe((fault,), knobs={"processing_s": 0.0, "pull_delay_s": 0.0})


def _duplicate_and_reordered(t: Terms) -> Recipe:
    """`complete` waits for the next event, and everything comes twice."""
    return Recipe(
        (
            _fault("reordered", Do.REORDER, t, event="post.publish.complete"),
            _fault("duplicated", Do.DUPLICATE, t).model_copy(update={"count": t.count * 2}),
        )
    )


def _token_revoked_mid_upload(t: Terms) -> Recipe:
    """The creator removes the app between two chunks: the PUT meets a dead task, status answers 401."""
    name = "token_revoked_mid_upload"
    fault = _fault(name, Do.EFFECT, t, endpoint="upload", chunk=t.chunk, effect=Effect.REMOVE_AUTHORIZATION)
    return Recipe((fault,))


def _refresh_rotated_old_dead(t: Terms) -> Recipe:
    """The refresh takes effect, the old refresh token is dead, and the answer with the new one is lost."""
    name = "refresh_rotated_old_dead"
    fault = _fault(name, Do.RESET_AFTER, t, endpoint="oauth/token", grant_type="refresh_token")
    return Recipe((fault,), knobs={"refresh_rotation": "rotate"})


def _stuck_processing_24h(t: Terms) -> Recipe:
    """PROCESSING_* for 24 virtual hours without a word, then it publishes, or fails with `fail_reason`."""
    fault = _fault("stuck_processing_24h", Do.STICK, t, seconds=t.seconds or 86_400.0)
    return Recipe((fault.model_copy(update={"fail_reason": t.fail_reason}),))


def _daily_cap_mid_batch(t: Terms) -> Recipe:
    """`after` more direct posts go out, then `spam_risk_too_many_posts` until the day has passed."""
    return Recipe(posts_left=t.after)


def _fault(name: str, do: Do, terms: Terms, **more: Any) -> Fault:
    return Fault(name=name, do=do, open_id=terms.open_id, count=terms.count, skip=terms.skip, **more)


SCENARIOS: dict[str, Callable[[Terms], Recipe]] = {
    "init_reply_lost": _init_reply_lost,
    "last_chunk_reply_lost": _last_chunk_reply_lost,
    "webhook_before_init_reply": _webhook_before_init_reply,
    "duplicate_and_reordered_webhooks": _duplicate_and_reordered,
    "token_revoked_mid_upload": _token_revoked_mid_upload,
    "refresh_rotated_old_dead": _refresh_rotated_old_dead,
    "stuck_processing_24h": _stuck_processing_24h,
    "daily_cap_mid_batch": _daily_cap_mid_batch,
}
