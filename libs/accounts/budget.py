"""Slots of the sliding minute."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.accounts.limit import PER_MINUTE, TIMEOUT_S, WINDOW, Call
from libs.store.store import Store


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to make one call. Frees itself a minute after the call's deadline if its holder dies."""

    account_id: str
    call: Call
    mark: datetime


class Budget:
    """Takes and gives back slots, counted in the store across replicas."""

    def __init__(self, store: Store, *, per_minute: Mapping[Call, int] = PER_MINUTE) -> None:
        self._store = store
        self.per_minute = per_minute

    async def take(
        self,
        account_id: str,
        call: Call,
        *,
        hold: timedelta = timedelta(0),
        limit: int | None = None,
        now: datetime,
    ) -> Slot | None:
        """A slot, or None when the minute is full. `hold` is how long it may be kept before the call is begun.

        `limit` is how full the minute may be, when that is less than TikTok allows.
        """
        mark = now + hold + timedelta(seconds=TIMEOUT_S[call]) + WINDOW
        most = self.per_minute[call] if limit is None else limit
        taken = await self._store.budgets.take(account_id, call, limit=most, mark=mark, now=now)
        return Slot(account_id, call, mark) if taken else None

    async def free_at(self, account_id: str, call: Call, *, limit: int | None = None, now: datetime) -> datetime:
        """When to ask for a slot again."""
        most = self.per_minute[call] if limit is None else limit
        at = await self._store.budgets.free_at(account_id, call, limit=most, now=now)
        return at or now

    async def used(self, slot: Slot, *, now: datetime) -> None:
        """Its call ended now."""
        await self._store.budgets.give_back(slot.account_id, slot.call, mark=slot.mark, free_at=now + WINDOW)

    async def unused(self, slot: Slot, *, now: datetime) -> None:
        """Its call was not made."""
        await self._store.budgets.give_back(slot.account_id, slot.call, mark=slot.mark, free_at=now)

    async def block(self, slot: Slot, *, now: datetime) -> datetime:
        """TikTok says the minute is full, whatever was counted here: nobody calls before the time returned."""
        until = now + WINDOW
        await self._store.budgets.block(slot.account_id, slot.call, until=until)
        return until
