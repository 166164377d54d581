"""What can befall an account while a call about it is under way."""

from datetime import datetime, timedelta
from typing import assert_never

from services.simulator.engine.stage import Stage
from services.simulator.fault.rule import Effect
from services.simulator.knobs import Knobs
from services.simulator.world import cap
from services.simulator.world.record import Creator, Grant
from services.simulator.world.world import World


def befall(
    effect: Effect,
    grant: Grant,
    creator: Creator,
    *,
    world: World,
    stage: Stage,
    knobs: Knobs,
    reason: int,
    now: datetime,
) -> None:
    """Applies `effect` to the account; `reason` is that of `authorization.removed`."""
    match effect:
        case Effect.REMOVE_AUTHORIZATION:
            stage.remove_authorization(grant, reason=reason, now=now)
        case Effect.EXPIRE_TOKEN:
            for token in world.access:
                if token.open_id == grant.open_id:
                    token.expires_at = min(token.expires_at, now)
        case Effect.BAN:
            creator.banned = True
        case Effect.SPEND_DAILY_CAP:
            left = cap.posts_left(creator, now=now, knobs=knobs)
            creator.direct_posts += [now + timedelta(microseconds=n) for n in range(max(0, left))]
        case Effect.MAKE_PRIVATE:
            creator.private = True
        case Effect.MAKE_PUBLIC:
            creator.private = False
        case _:
            assert_never(effect)
