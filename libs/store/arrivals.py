"""Files on their way: asked for by URL or promised to an address, worked by one process at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from libs.model.event import Event
from libs.model.problem import Problem
from libs.store import rows
from libs.store.events import record_events
from libs.store.media import SQL as MEDIA
from libs.store.media import Quota, Usage, check_quota, usage
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("arrivals")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that is not here yet. `url` is where it comes from; None: it is sent to us. `size` and `sha256` are what
    was promised of it, `expected` what its server says, `received` what has come of it in this try."""

    id: str
    customer_id: str
    state: Literal["awaited", "fetching", "checking", "failed"]
    url: str | None
    size: int | None
    sha256: bytes | None
    received: int
    expected: int | None
    tries: int
    version: int
    alarm: datetime | None
    problem: dict[str, Any] | None
    created_at: datetime

    @property
    def key(self) -> str:
        """Where its bytes are in the end."""
        return f"{self.customer_id}/{self.id}"

    @property
    def sent_to(self) -> str:
        return sent_to(self.customer_id, self.id)


def sent_to(customer_id: str, id_: str) -> str:
    """Where its sender puts its bytes: nobody who still has the address can change what was checked."""
    return f"{customer_id}/{id_}.sent"


class Arrivals:
    """The table arrivals. The api makes them and hands out addresses, the publisher works them."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def fetch(self, *, id_: str, customer_id: str, url: str, quota: Quota, now: datetime) -> Arrival:
        """A file to be fetched at once; called again with the same id, finds it. Raises `QuotaReached`."""
        return await self._make(
            (id_, customer_id, "fetching", self._vault.seal(url), None, None, None, now, now), quota
        )

    async def await_(
        self,
        *,
        id_: str,
        customer_id: str,
        size: int,
        sha256: bytes | None,
        token_hash: bytes | None,
        until: datetime,
        quota: Quota,
        now: datetime,
    ) -> Arrival:
        """A file to be sent until then; called again with the same id, finds it, under the new token. Raises
        `QuotaReached`."""
        return await self._make((id_, customer_id, "awaited", None, token_hash, size, sha256, until, now), quota)

    async def _make(self, values: tuple[Any, ...], quota: Quota) -> Arrival:
        id_, customer_id, size = values[0], values[1], values[5] or 0

        async def write(connection: Connection) -> Arrival:
            await connection.execute(MEDIA.lock_quota, customer_id)
            if await connection.fetchrow(SQL.get, id_, customer_id) is None:
                check_quota(await _with_coming(connection, customer_id), quota, size=size)
            row = await connection.fetchrow(SQL.insert, *values)
            assert row is not None  # noqa: S101 - an insert that returns
            return self._arrival(row)

        return await self._pool.transact(write)

    async def get(self, id_: str, *, customer_id: str | None) -> Arrival | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id)
        return self._arrival(row) if row else None

    async def coming(self, ids: Sequence[str], *, customer_id: str) -> set[str]:
        """Those of the customer's among these that are not here (yet)."""
        return {row["id"] for row in await self._pool.fetch(SQL.coming, list(ids), customer_id)}

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Arrival]:
        return [self._arrival(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def awaited(self, token_hash: bytes, *, now: datetime) -> Arrival | None:
        """The file that this address is for, while it may be sent."""
        row = await self._pool.fetchrow(SQL.awaited, token_hash, now)
        return self._arrival(row) if row else None

    async def received(self, token_hash: bytes, count: int, *, now: datetime) -> None:
        """So many bytes have been sent to this address."""
        await self._pool.execute(SQL.received, token_hash, count, now)

    async def sent(self, token_hash: bytes, *, now: datetime) -> bool:
        """Everything was sent to this address, which is used up; False when it was before."""
        return await self._pool.fetchval(SQL.sent, token_hash, now) is not None

    async def check(self, id_: str, *, now: datetime) -> Arrival | None:
        """Its bytes are here and can be looked into; None when it is not awaited (any more)."""
        row = await self._pool.fetchrow(SQL.check_now, id_, now)
        return self._arrival(row) if row else None

    async def claim(self, *, now: datetime, lease: datetime, limit: int) -> list[Arrival]:
        """Those whose alarm has come, leased until `lease`; an awaited one among them was not sent in time."""
        return [self._arrival(row) for row in await self._pool.fetch(SQL.claim, now, lease, limit)]

    async def hold(
        self, arrival: Arrival, *, lease: datetime, received: int, expected: int | None, now: datetime
    ) -> bool:
        """Whether it is still ours, then until `lease`; and how far it is."""
        args = (arrival.id, arrival.version, lease, received, expected, now)
        return await self._pool.fetchval(SQL.hold, *args) is not None

    async def again(self, arrival: Arrival, *, at: datetime, counted: bool, now: datetime) -> bool:
        """It is tried again then; `counted` when that was the file's doing."""
        return await self._pool.fetchval(SQL.again, arrival.id, arrival.version, at, int(counted), now) is not None

    async def fail(self, arrival: Arrival, problem: Problem, *, events: Sequence[Event], now: datetime) -> bool:
        """It will never be here; its `events` say so. False when somebody else is at it by now."""

        async def write(connection: Connection) -> bool:
            row = await connection.fetchrow(SQL.fail, arrival.id, arrival.version, problem.as_dict(), now)
            if row is None:
                return False
            await record_events(connection, events, now=now)
            return True

        return await self._pool.transact(write)

    async def call_off(self, id_: str, problem: Problem, *, now: datetime) -> Arrival | None:
        """It will not be sent, and is shown no more; None while it is being fetched or looked into, or is here."""
        row = await self._pool.fetchrow(SQL.call_off, id_, problem.as_dict(), now)
        return self._arrival(row) if row else None

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Forgets some of those that failed before then."""
        return await self._pool.execute(SQL.forget, before, limit)

    def _arrival(self, row: rows.Row) -> Arrival:
        same = (
            "id", "customer_id", "state", "size", "sha256", "received", "expected", "tries", "version", "alarm",
            "problem", "created_at",
        )  # fmt: skip
        url = self._vault.open(row["url"]) if row["url"] is not None else None
        return Arrival(**{name: row[name] for name in same}, url=url)


async def _with_coming(connection: Connection, customer_id: str) -> Usage:
    kept = usage(await connection.fetchrow(MEDIA.usage, customer_id))
    coming = await connection.fetchrow(SQL.usage, customer_id)
    assert coming is not None  # noqa: S101 - an aggregate without groups
    return Usage(kept.bytes + coming["bytes"], kept.files + coming["files"], kept.bytes_max, kept.files_max)
