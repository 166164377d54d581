"""The URLs that TikTok pulls from, and what is known of pull inits whose publish id nobody knows.

Tokens never come here, only their hashes. The row of a pull decides between its fetches and its revocation: each waits
for the other, so that "revoked and never fetched" is proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.model.fact import FactKind
from libs.model.publication import PublicationState
from libs.store.pool import Pool
from libs.store.sql import Queries

SQL = Queries("pulls")


@dataclass(frozen=True, slots=True)
class Served:
    """What a pull URL stands for: an object of the media store."""

    post_id: str
    n: int
    key: str
    size: int
    content_type: str


@dataclass(frozen=True, slots=True)
class LostPull:
    """A pull init that never had a publish id."""

    post_id: str
    n: int
    state: PublicationState
    intent_at: datetime


class Pulls:
    """The table pulls, and the publications that are pulls."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, token_hash: bytes, place: int, *, now: datetime) -> Served | None:
        """The file at `place` (from 0) of a pull that TikTok may still fetch; None for everything else."""
        row = await self._pool.fetchrow(SQL.find, token_hash, place, now)
        return Served(row["post_id"], row["n"], row["key"], row["size"], row["content_type"]) if row else None

    async def fetched(self, token_hash: bytes, *, now: datetime) -> bool:
        """Records a fetch, to be awaited before its first byte is sent. False: it was revoked, send nothing."""
        return await self._pool.fetchrow(SQL.fetched, token_hash, now) is not None

    async def revoke_unfetched(self, post_id: str, n: int, *, now: datetime) -> bool:
        """True: nobody has fetched anything of this pull, and from now on nobody can. False: somebody has."""
        return await self._pool.fetchrow(SQL.revoke_unfetched, post_id, n, now) is not None

    async def unresolved(self, account_id: str) -> tuple[str, datetime] | None:
        """(post, since when) of the one pull init of this account's creator whose publish id nobody knows."""
        row = await self._pool.fetchrow(SQL.unresolved, account_id)
        return (row["post_id"], row["intent_at"]) if row else None

    async def lost(self, client_key: str, open_id: str, *, since: datetime) -> list[LostPull]:
        """Every pull init for a creator since then that never had a publish id, oldest first."""
        found = await self._pool.fetch(SQL.lost, f"{client_key} {open_id}", since)
        return [LostPull(r["post_id"], r["n"], PublicationState(r["state"]), r["intent_at"]) for r in found]

    async def strangers(self, client_key: str, open_id: str, *, since: int) -> Sequence[tuple[str, FactKind]]:
        """(publish id, kind) of what was heard for a creator since then (Unix seconds) and belongs to nobody."""
        found = await self._pool.fetch(SQL.strangers, client_key, open_id, since)
        return [(row["publish_id"], FactKind(row["kind"])) for row in found]

    async def wake_strangers(self, account_id: str, *, now: datetime) -> int:
        """Lets what was heard for the account's creator and has no owner be settled again, now."""
        return await self._pool.execute(SQL.wake_strangers, account_id, now)

    async def taken(self, ids: Sequence[str]) -> set[str]:
        """Which of these videos at TikTok are known to be posts of ours."""
        return {row["tiktok_post_id"] for row in await self._pool.fetch(SQL.taken, list(ids))}

    async def ours(self, ids: Sequence[str], *, account_id: str) -> dict[str, str]:
        """Video at TikTok → the account's post that it is, for those that are one."""
        found = await self._pool.fetch(SQL.ours, list(ids), account_id)
        return {row["tiktok_post_id"]: row["post_id"] for row in found}

    async def unnamed(
        self, client_key: str, open_id: str, *, but: str, since: datetime, limit: int
    ) -> list[tuple[str, str]]:
        """(title, description) of other posts to a creator that were sent since then and have no public id."""
        found = await self._pool.fetch(SQL.unnamed, client_key, open_id, but, since, limit)
        return [(row["title"] or "", row["description"] or "") for row in found]

    async def of_video(self, client_key: str, open_id: str, video_id: str) -> tuple[str, int] | None:
        """(post, n) of the publication that is known to be this video, and whose publish id is not known."""
        found = await self._pool.fetch(SQL.of_video, client_key, open_id, video_id)
        return (found[0]["post_id"], found[0]["n"]) if len(found) == 1 else None
