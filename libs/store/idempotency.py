"""What was answered under an Idempotency-Key: each name of a key is one request's, and one holder's at a time."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import orjson

from libs.store.errors import StoreError
from libs.store.pool import Pool
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("idempotency")

LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """The name is the caller's until its lease ends. Ids of what is made under it come of `seed` and `begun_at`."""

    key_id: str
    name: str
    holder: str
    seed: bytes
    begun_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What was answered before."""

    status: int
    headers: dict[str, str]
    body: str


class Taken(StrEnum):
    """Why a name cannot be had."""

    IN_FLIGHT = "in_flight"
    OTHER_REQUEST = "other_request"


class Idempotency:
    """The table idempotency. Answers are sealed: some hold a secret that is shown once."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def claim(
        self, key_id: str, name: str, *, request_hash: bytes, until: datetime, now: datetime
    ) -> Held | Kept | Taken:
        """The name for this request, or what became of it. A holder that died is followed when its lease is over."""
        holder, seed = secrets.token_hex(8), secrets.token_bytes(16)
        for _ in range(2):  # between the two statements the name may be let go
            row = await self._pool.fetchrow(SQL.claim, key_id, name, request_hash, seed, holder, until, now, now + LIFE)
            if row is not None:
                return Held(key_id, name, holder, row["seed"], row["created_at"])
            found = await self._pool.fetchrow(SQL.get, key_id, name)
            if found is not None and found["request_hash"] != request_hash:
                return Taken.OTHER_REQUEST
            if found is not None:
                return self._opened(found["answer"]) if found["answer"] is not None else Taken.IN_FLIGHT
        return Taken.IN_FLIGHT

    async def hold(self, held: Held, *, until: datetime) -> bool:
        """Prolongs the lease, or ends it; False when it is another's by now."""
        return bool(await self._pool.fetchval(SQL.hold, held.key_id, held.name, held.holder, until))

    async def keep(self, held: Held, answer: Kept) -> bool:
        """Keeps the answer for whoever asks again; False when another took over meanwhile, whose answer counts."""
        text = orjson.dumps([answer.status, answer.headers, answer.body]).decode()
        sealed = self._vault.seal(text)
        return bool(await self._pool.fetchval(SQL.keep, held.key_id, held.name, held.holder, sealed))

    async def drop(self, held: Held) -> None:
        """Nothing was done: the name is free, for another request too."""
        await self._pool.execute(SQL.drop, held.key_id, held.name, held.holder)

    async def forget(self, *, now: datetime, limit: int) -> int:
        return await self._pool.execute(SQL.forget, now, limit)

    def _opened(self, sealed: bytes) -> Kept:
        match orjson.loads(self._vault.open(sealed)):
            case [int(status), dict(headers), str(body)]:
                return Kept(status, headers, body)
            case _:
                raise StoreError("a kept answer is not one")
