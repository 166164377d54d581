"""One call to TikTok for an account: token, slot, call, and one refresh when the token is refused."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from libs.accounts.budget import Budget, Slot
from libs.accounts.errors import Later
from libs.accounts.limit import TIMEOUT_S, Call
from libs.accounts.token import TokenKeeper
from libs.tiktok.errors import Refused, Throttled
from libs.tiktok.readings import Class
from libs.tiktok.wire import Reply

T = TypeVar("T")
Do = Callable[[str, float], Awaitable[Reply[T]]]
"""Makes the call with this access token and this timeout in seconds."""


class Line:
    """Calls on behalf of accounts."""

    def __init__(self, tokens: TokenKeeper, budget: Budget, now: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._budget = budget
        self._now = now

    async def call(
        self,
        account_id: str,
        call: Call,
        do: Do[T],
        *,
        slot: Slot | None = None,
        refused: Callable[[Refused], None] | None = None,
    ) -> Reply[T]:
        """Makes one call, with `slot` when the caller has one already (it is used up here, whatever happens).

        A refused token is refreshed and the call made once more: a refusal proves that nothing was done. What is dealt
        with here, that and a full minute, is told to `refused`; whatever is raised carries its own trace. Raises
        `NotConnected`, `Later` (no slot, or TikTok says the minute is full) and what `libs.tiktok` raises.
        """
        slot = slot or await self._slot(account_id, call)
        try:
            token = await self._tokens.usable(account_id, now=self._now())
            try:
                return await do(token, TIMEOUT_S[call])
            except Throttled as error:
                if refused is not None:
                    refused(error)
                until = await self._budget.block(slot, now=self._now())
                raise Later("TikTok's limit of calls per minute is reached", at=until) from error
            except Refused as error:
                if error.reading.kind is not Class.REFRESH:
                    raise
                if refused is not None:
                    refused(error)
                token = await self._tokens.usable(account_id, refused=token, now=self._now())
                return await do(token, TIMEOUT_S[call])
        finally:
            await self._budget.used(slot, now=self._now())

    async def _slot(self, account_id: str, call: Call) -> Slot:
        now = self._now()
        slot = await self._budget.take(account_id, call, now=now)
        if slot is None:
            at = await self._budget.free_at(account_id, call, now=now)
            raise Later(f"this minute's {call} calls are spent", at=at)
        return slot
