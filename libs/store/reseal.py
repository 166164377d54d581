"""Sealing anew what is under an older key: in small batches, guarded, by one program at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from libs.store import sealing
from libs.store.errors import WrongKey
from libs.store.pool import Connection, Pool
from libs.store.sealing import PLACES, Sealing
from libs.store.vault import Vault

SQL = sealing.SQL
BATCH = 50
"""A batch keeps this process for some ten milliseconds, and its rows until it is committed."""
PAUSE_S = 0.02

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Round:
    """What came of going through once."""

    resealed: int
    left: int
    """Values under another key that remain."""
    behind: tuple[str, ...] = ()
    """Running programs that seal with another key: nothing is sealed anew before they stop doing so."""
    retired: tuple[str, ...] = ()


DONE = Round(0, 0)


class Resealer:
    """Brings what is sealed under the first key. Safe in several programs at once, and killed at any time."""

    def __init__(self, pool: Pool, vault: Vault, sealing: Sealing, *, batch: int = BATCH) -> None:
        self._pool = pool
        self._vault = vault
        self._sealing = sealing
        self._batch = batch

    async def round(self, *, progress: Callable[[int], None] = lambda _: None) -> Round:
        """Goes through every table once, unless nothing is under another key; `progress` hears of every batch.

        A value that somebody changes meanwhile is left to them: they seal with the first key too.
        """
        if await self._sealing.in_use() <= {self._vault.seals_with}:
            return DONE
        before = await self._sealing.use()
        if before.behind:
            return Round(0, before.outdated, tuple(before.behind))
        resealed = 0
        for place in PLACES if before.outdated else ():
            resealed += await self._table(place, progress)
        retired = await self._sealing.retire()
        return Round(resealed, (await self._sealing.use()).outdated, (), tuple(retired))

    async def _table(self, place: str, progress: Callable[[int], None]) -> int:
        resealed, after = 0, None
        while True:
            done, after = await self._pool.transact(lambda c, at=after: self._some(c, place, at))  # type: ignore[misc]
            resealed += done
            progress(done)
            if after is None:
                return resealed
            await asyncio.sleep(PAUSE_S)

    async def _some(
        self, connection: Connection, place: str, after: Sequence[str] | None
    ) -> tuple[int, Sequence[str] | None]:
        """(how many values were sealed anew, the place reached): None when it is the table's end, or another's turn."""
        if not await connection.fetchval(SQL.try_lock):
            return 0, None
        found = await connection.fetch(getattr(SQL, f"read_{place}"), self._vault.seals_with, after, self._batch)
        done = 0
        for row in found:
            try:
                fresh = [self._vault.reseal(sealed) for sealed in row["sealed"]]
            except WrongKey as error:
                log.error("secret.unopened", place=place, why=str(error))
                continue
            tag = await connection.execute(getattr(SQL, f"save_{place}"), row["row"], row["sealed"], fresh)
            done += len(fresh) if tag == "UPDATE 1" else 0
        return done, found[-1]["row"] if found else None
