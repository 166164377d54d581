"""Which encryption keys are in use, across programs: known before anything is sealed, retired when nothing is.

A program says which keys it has when it opens the store and every `BEAT_S` seconds, so that changing keys with programs
running can be watched: what is sealed is sealed anew only when all of them seal with the same key, and a key is retired
only when no value and no running program needs it.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from libs.store.errors import StoreError, WrongKey
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries
from libs.store.vault import UNMARKED, Vault

SQL = Queries("sealing")
PLACES = ("accounts", "apps", "arrivals", "connects", "endpoints", "idempotency", "posts", "publications")
"""The tables that hold something sealed."""
BEAT_S = 15.0
GONE_AFTER = timedelta(seconds=60)
LEAVE_S = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sealer:
    """A running program, the key it seals with and those it can open."""

    program: str
    seals: str
    opens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """What stands between this program's keys and having only the first."""

    seals: str
    values: Mapping[str, int]
    """How many values each key seals."""
    sealers: Sequence[Sealer]

    @property
    def outdated(self) -> int:
        """Values that are sealed with another key than the first."""
        return sum(count for key, count in self.values.items() if key != self.seals)

    @property
    def behind(self) -> list[str]:
        """Running programs that seal with another key."""
        return sorted({sealer.program for sealer in self.sealers if sealer.seals != self.seals})

    @property
    def settled(self) -> bool:
        """Whether every other key can be removed."""
        return not self.outdated and not self.behind


class Sealing:
    """The tables sealing_keys and sealers, and this program's own row in them between `enter` and `leave`."""

    def __init__(self, pool: Pool, vault: Vault, *, program: str) -> None:
        self._pool = pool
        self._vault = vault
        self._program = program
        self._id = secrets.token_hex(8)
        self._beating: asyncio.Task[None] | None = None
        self._told: frozenset[str] = frozenset()

    async def enter(self) -> None:
        """Says which keys this program has. Raises `WrongKey` when stored secrets need one that it has not."""

        async def write(connection: Connection) -> None:
            await connection.execute(SQL.lock)
            known = {UNMARKED, *self._vault.ids}
            in_use = {row["id"] for row in await connection.fetch(SQL.keys) if row["retired_at"] is None}
            if in_use - known:  # perhaps only of somebody who came with a wrong key, and went
                in_use -= set(await self._retire(connection))
            if missing := sorted(in_use - known):
                raise WrongKey(self._vault.missing(*missing))
            if UNMARKED in in_use:
                await self._try_unmarked(connection)
            await self._say(connection)

        await self._pool.transact(write)
        self._beating = asyncio.create_task(self._beat(), name="sealing")

    async def leave(self) -> None:
        """Nobody waits for this program's keys any more. Says so if the database listens."""
        if self._beating is None:
            return
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        self._beating = None
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._pool.execute(SQL.leave, self._id, await self._pool.now() - timedelta(days=1))
        except (StoreError, TimeoutError) as error:
            log.info("sealer.left_unsaid", error=type(error).__name__)  # it is taken for gone soon

    async def in_use(self) -> set[str]:
        """Ids of the keys that are not retired."""
        return {row["id"] for row in await self._pool.fetch(SQL.keys) if row["retired_at"] is None}

    async def use(self) -> Use:
        """How far these keys are from standing alone. Reads every table with something sealed."""
        async with self._pool.transaction() as connection:
            return await self._use(connection, now=await self._pool.now())

    async def retire(self) -> list[str]:
        """Retires the keys that nothing needs; their ids. They can be taken out of CLIPWIRE_ENCRYPTION_KEYS."""

        async def write(connection: Connection) -> list[str]:
            await connection.execute(SQL.lock)  # no program comes in with such a key meanwhile
            return await self._retire(connection)

        return await self._pool.transact(write)

    async def _retire(self, connection: Connection) -> list[str]:
        now: datetime = await connection.fetchval("select clock_timestamp()")
        needed = [key for key, count in (await self._use(connection, now=now)).values.items() if count]
        return [row["id"] for row in await connection.fetch(SQL.retire, [*needed, self._vault.seals_with], now)]

    async def _use(self, connection: Connection, *, now: datetime) -> Use:
        values: Counter[str] = Counter()
        for row in await connection.fetch(SQL.counts):
            values[row["key"]] += row["values"]
        sealers = [
            Sealer(row["program"], row["seals"], tuple(row["opens"]))
            for row in await connection.fetch(SQL.sealers, now)
            if row["id"] != self._id
        ]
        return Use(self._vault.seals_with, values, sealers)

    async def _say(self, connection: Connection) -> None:
        now: datetime = await connection.fetchval("select clock_timestamp()")
        vault = self._vault
        await connection.execute(SQL.know_key, vault.seals_with, now)
        await connection.execute(SQL.beat, self._id, self._program, vault.seals_with, list(vault.ids), now + GONE_AFTER)
        others = await connection.fetch(SQL.sealers, now)
        blind = frozenset(row["program"] for row in others if vault.seals_with not in row["opens"])
        if blind - self._told:
            log.warning("encryption_key.not_everywhere", key=vault.seals_with, programs=sorted(blind))
        self._told = blind

    async def _try_unmarked(self, connection: Connection) -> None:
        """Values from before they named their key say only by being opened whether one of ours fits."""
        for place in PLACES:
            for row in await connection.fetch(getattr(SQL, f"read_{place}"), self._vault.seals_with, None, 1):
                for sealed in row["sealed"]:
                    self._vault.open(sealed)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._pool.transact(self._say)
            except StoreError as error:
                log.info("sealer.unsaid", error=type(error).__name__)  # the next one says it
