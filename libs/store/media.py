"""Media: the files that are kept, whose they are, what was made of them, and when they leave."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from libs.model.event import Event
from libs.store import rows
from libs.store.errors import Contended
from libs.store.events import record_events
from libs.store.pool import Connection, Pool
from libs.store.sql import Queries

SQL = Queries("media")
TRIES = 3


@dataclass(frozen=True, slots=True)
class Media:
    """A file that was stored and probed. `key` is where its bytes are, within MEDIA_URL, unless it is `expired`."""

    id: str
    customer_id: str
    key: str
    size: int
    sha256: bytes
    content_type: str
    probe: dict[str, Any]
    created_at: datetime
    state: Literal["ready", "expired"] = "ready"
    made_from: str | None = None
    cover_ms: int | None = None
    deleted: bool = False
    """By its customer, who sees it no more."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a customer may keep: bytes and files."""

    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a customer keeps, and the quota of its own where it has one."""

    bytes: int
    files: int
    bytes_max: int | None
    files_max: int | None

    def quota(self, default: Quota) -> Quota:
        return Quota(
            default.bytes if self.bytes_max is None else self.bytes_max,
            default.files if self.files_max is None else self.files_max,
        )


class QuotaReached(Exception):
    """The customer may not keep one more file of this size."""

    def __init__(self, usage: Usage, quota: Quota) -> None:
        super().__init__(f"{usage.files} files and {usage.bytes} bytes are kept")
        self.usage = usage
        self.quota = quota


class InUse(Exception):
    """Posts that are not done need the file: some of them."""

    def __init__(self, post_ids: tuple[str, ...]) -> None:
        super().__init__(", ".join(post_ids))
        self.post_ids = post_ids


class MediaFiles:
    """The table media."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        *,
        id_: str,
        customer_id: str,
        key: str,
        size: int,
        sha256: bytes,
        content_type: str,
        probe: dict[str, Any],
        now: datetime,
        origin: str | None = None,
        made_from: str | None = None,
        cover_ms: int | None = None,
        quota: Quota | None = None,
        events: Sequence[Event] = (),
    ) -> Media:
        """Keeps the row and records `events` with it; called again with the same id, finds it. So a lost reply
        (`Unavailable`) can be cleared up. Raises `QuotaReached` when there is a quota and no room under it."""
        values = (id_, customer_id, key, size, sha256, content_type, probe, now, origin, made_from, cover_ms)

        async def write(connection: Connection) -> Media:
            if quota is not None:
                await connection.execute(SQL.lock_quota, customer_id)
                if await connection.fetchrow(SQL.get, id_, customer_id) is None:
                    check_quota(usage(await connection.fetchrow(SQL.usage, customer_id)), quota, size=size)
            made = await connection.fetchrow(SQL.insert, *values)
            assert made is not None  # noqa: S101 - an insert that returns
            await record_events(connection, events, now=now)
            return media(made)

        return await self._pool.transact(write)

    async def get(self, id_: str, *, customer_id: str | None) -> Media | None:
        row = await self._pool.fetchrow(SQL.get, id_, customer_id)
        return media(row) if row else None

    async def by_origin(self, origin: str) -> Media | None:
        """What was fetched for this place of this post, if it was."""
        row = await self._pool.fetchrow(SQL.by_origin, origin)
        return media(row) if row else None

    async def use(self, ids: Collection[str], *, customer_id: str, now: datetime) -> dict[str, Media]:
        """Those of the customer's files whose bytes are here, and from now on stay for a post. Missing ones are left
        out."""
        if not ids:
            return {}
        found = await self._pool.fetch(SQL.use, list(ids), customer_id, now)
        return {row["id"]: media(row) for row in found}

    async def usage(self, customer_id: str) -> Usage:
        return usage(await self._pool.fetchrow(SQL.usage, customer_id))

    async def page(self, *, customer_id: str | None, before: str | None, limit: int) -> list[Media]:
        return [media(row) for row in await self._pool.fetch(SQL.page, customer_id, before, limit)]

    async def expire(self, *, used_before: datetime, unused_before: datetime, now: datetime, limit: int) -> int:
        """Ages out files: last needed before `used_before`, or never needed and made before `unused_before`.

        Returns how many were looked at. What an unfinished post names stays, and counts as needed now.
        """
        old = await self._pool.fetch(SQL.aged, used_before, unused_before, limit)
        needed = [row["id"] for row in old if row["needed"]]
        if needed:
            await self._pool.execute(SQL.keep, needed, now)
        gone = [row["id"] for row in old if not row["needed"]]
        if gone:
            await self._pool.execute(SQL.expire, gone, used_before, unused_before, now)
        return len(old)

    async def delete(self, id_: str, *, customer_id: str | None, now: datetime) -> Media | None:
        """The file, `expired` and `deleted` from now on, with whatever was made of it; None when there is none.

        Raises `InUse` when a post that is not done needs it. One that is accepted at the same moment may still name
        it, and then fails for want of it.
        """

        async def write(connection: Connection) -> Media | None:
            family = await connection.fetch(SQL.family, id_, customer_id)
            if not family:
                return None
            ids = sorted(row["id"] for row in family)
            await connection.fetch(SQL.hold_family, ids)
            if needing := await connection.fetch(SQL.needing, ids, family[0]["customer_id"]):
                raise InUse(tuple(row["id"] for row in needing))
            await connection.execute(SQL.delete, ids, now)
            row = await connection.fetchrow(SQL.get, id_, customer_id)
            return media(row) if row else None

        return await self._pool.transact(write)

    async def claim_leaving(self, *, now: datetime, lease: datetime, limit: int) -> dict[str, str]:
        """Expired files whose bytes are to be deleted, id → key, leased until `lease`."""
        return {row["id"]: row["key"] for row in await self._pool.fetch(SQL.claim_leaving, now, lease, limit)}

    async def left(self, ids: Collection[str]) -> None:
        """The bytes of these are gone."""
        await self._pool.execute(SQL.left, list(ids))

    async def orphans(self, keys: Collection[str]) -> list[str]:
        """Those of `keys` that begin with a customer of ours and hold no file of theirs: no row will ever name them."""
        return [row["key"] for row in await self._pool.fetch(SQL.orphans, list(keys))]


@dataclass(frozen=True, slots=True)
class Rendition:
    """A file made, being made, or impossible to make ready for one use. `ours`: this caller is to make it."""

    media_id: str
    recipe: str
    state: str
    version: int
    alarm: datetime | None
    made_id: str | None
    changes: tuple[str, ...]
    problem: dict[str, Any] | None
    ours: bool


class Renditions:
    """The table renditions: each file is made once per recipe, by one process at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, media_id: str, recipe: str, *, now: datetime, lease: datetime) -> Rendition:
        """The rendition as it stands; `ours` when it was nobody's, and now is ours until `lease`."""
        for _ in range(TRIES):  # without a row, somebody's insert was committed between our look and our own insert
            row = await self._pool.fetchrow(SQL.claim_rendition, media_id, recipe, now, lease)
            if row is not None:
                break
        else:
            raise Contended(f"the rendition {recipe} of {media_id} changes too quickly")
        return _rendition(row)

    async def get(self, media_id: str, recipe: str) -> Rendition | None:
        """The rendition as it stands, never `ours`."""
        row = await self._pool.fetchrow(SQL.get_rendition, media_id, recipe)
        return _rendition(row) if row else None

    async def of(self, media_ids: Collection[str]) -> list[Rendition]:
        """What is made, or was, of any of these files."""
        if not media_ids:
            return []
        return [_rendition(row) for row in await self._pool.fetch(SQL.renditions_of, list(media_ids))]

    async def renew(self, rendition: Rendition, *, lease: datetime) -> bool:
        """Whether it is still ours, then until `lease`."""
        args = rendition.media_id, rendition.recipe, rendition.version
        return await self._pool.fetchval(SQL.renew_rendition, *args, lease) is not None

    async def release(self, rendition: Rendition, *, now: datetime) -> None:
        """It was not made, and that is not the file's fault: anybody may try."""
        await self._pool.execute(SQL.release_rendition, rendition.media_id, rendition.recipe, rendition.version, now)

    async def finish(
        self,
        rendition: Rendition,
        *,
        made_id: str | None,
        changes: Sequence[str] = (),
        problem: dict[str, Any] | None = None,
        now: datetime,
    ) -> bool:
        """Says how it ended: a file, or a problem. False when somebody else makes it by now."""
        state = "made" if made_id is not None else "refused"
        args = rendition.media_id, rendition.recipe, rendition.version
        values = (*args, state, made_id, list(changes), problem, now)
        return await self._pool.fetchval(SQL.finish_rendition, *values) is not None


def check_quota(usage: Usage, default: Quota, *, size: int) -> None:
    """Raises `QuotaReached` unless one more file of `size` bytes may be kept."""
    quota = usage.quota(default)
    if usage.files + 1 > quota.files or usage.bytes + size > quota.bytes:
        raise QuotaReached(usage, quota)


def media(row: rows.Row) -> Media:
    return Media(
        id=row["id"],
        customer_id=row["customer_id"],
        key=row["key"],
        size=row["size"],
        sha256=row["sha256"],
        content_type=row["content_type"],
        probe=row["probe"],
        created_at=row["created_at"],
        state=row["state"],
        made_from=row["made_from"],
        cover_ms=row["cover_ms"],
        deleted=row["deleted_at"] is not None,
    )


def usage(row: rows.Row | None) -> Usage:
    """A row of the statement `usage`; none is a customer that does not exist."""
    if row is None:
        return Usage(0, 0, None, None)
    return Usage(row["bytes"], row["files"], row["media_bytes_max"], row["media_files_max"])


def _rendition(row: rows.Row) -> Rendition:
    return Rendition(
        media_id=row["media_id"],
        recipe=row["recipe"],
        state=row["state"],
        version=row["version"],
        alarm=row["alarm"],
        made_id=row["made_id"],
        changes=tuple(row["changes"]),
        problem=row["problem"],
        ours=row["ours"],
    )
