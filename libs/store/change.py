"""Writing changes: the post's row is the guard, everything else of a change follows it in the same transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.model.change import Change
from libs.model.event import Event, EventType, event
from libs.model.post import SETTLED, Note, Post
from libs.store import rows
from libs.store.errors import Stale
from libs.store.events import record_events
from libs.store.pool import Connection
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("posts")
FACTS = Queries("facts")
PULLS = Queries("pulls")


class ChangeWriter:
    """Writes any number of changes with a fixed number of statements."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def write(
        self, connection: Connection, changes: Sequence[Change], *, now: datetime, facts: Sequence[tuple[int, str]]
    ) -> set[str]:
        """See `Posts.save`. Raises `Stale`, which rolls all back, when `facts` came with a stale change."""
        ordered = sorted(changes, key=lambda change: change.post.id)  # one lock order for everybody
        was = await self._posts(connection, ordered)
        stale = {change.post.id for change in ordered} - set(was)
        if stale and facts:
            raise Stale(f"{len(stale)} of {len(ordered)} posts changed since they were read")
        written = [change for change in ordered if change.post.id in was]
        await self._publications(connection, written, now=now)
        for change in written:
            if (grant := change.grant) is not None:
                token, media = grant.token_hash, list(grant.media)
                await connection.execute(PULLS.grant, change.post.id, grant.n, token, media, now, grant.expires_at)
        await self._news(connection, written)
        notes = [line for change in written for line in _lines(change, was=was[change.post.id], now=now)]
        if notes:
            await connection.execute(SQL.insert_timeline, *rows.columns(notes, 4))
        waiting = [c.post for c in written if c.post.in_lane and c.post.alarm]
        if waiting:
            await connection.execute(SQL.ring_lanes, [p.account_id for p in waiting], [p.alarm for p in waiting])
        events = [told for change in written for told in change.events]
        await self._reopen(connection, [c.post for c in written if was[c.post.id] in SETTLED])
        events += await self._batches(connection, [c.post for c in written if was[c.post.id] not in SETTLED], now=now)
        await record_events(connection, events, now=now)
        if facts:
            await connection.execute(FACTS.settle, [id_ for id_, _ in facts], [result for _, result in facts], now)
        return stale

    async def _posts(self, connection: Connection, changes: Sequence[Change]) -> dict[str, str]:
        """post id → the state it had, of those that were saved."""
        if not changes:
            return {}
        saved = await connection.fetch(SQL.save, [rows.post_record(c.post) for c in changes])
        return {row["id"]: row["was"] for row in saved}

    async def _publications(self, connection: Connection, changes: Sequence[Change], *, now: datetime) -> None:
        publications = [publication for change in changes for publication in change.publications]
        if not publications:
            return
        # An abandoned one first: at most one live publication per post is a unique index.
        publications.sort(key=lambda p: (p.post_id, p.live, p.n))
        await connection.execute(SQL.save_publications, *rows.publication_columns(publications, self._vault))
        opened = [p.publish_id for p in publications if p.publish_id is not None]
        if opened:
            await connection.execute(SQL.wake_facts, opened, now)

    async def _news(self, connection: Connection, changes: Sequence[Change]) -> None:
        for statement, pick in ((SQL.insert_news, "new"), (SQL.bind_news, "bound")):
            found = [
                (change.post.id, n.publication, n.kind, n.tiktok_post_id, n.n, n.create_time)
                for change in changes
                for n in getattr(change, pick)
            ]
            if found:
                await connection.execute(statement, *rows.columns(found, 6))

    async def _reopen(self, connection: Connection, settled: Sequence[Post]) -> None:
        """A post that had settled and goes on is awaited by its batch again."""
        reopened = [post.batch_id for post in settled if post.batch_id and post.state not in SETTLED]
        if reopened:
            await connection.execute(SQL.reopen_batches, reopened)

    async def _batches(self, connection: Connection, unsettled: Sequence[Post], *, now: datetime) -> list[Event]:
        """A batch is complete when its last post settles; the lock on its row decides which one that is."""
        settled = [post.batch_id for post in unsettled if post.batch_id and post.state in SETTLED]
        if not settled:
            return []
        found = await connection.fetch(SQL.settle_batches, settled)
        done = {row["id"]: row for row in found if row["unsettled"] == 0}
        if not done:
            return []
        counts: dict[str, dict[str, int]] = {}
        for row in await connection.fetch(SQL.batch_states, list(done)):
            counts.setdefault(row["batch_id"], {})[row["state"]] = row["n"]
        return [
            event(
                EventType.BATCH_COMPLETED,
                key=f"{id_}:completed",
                now=now,
                data={"batch_id": id_, "total": row["total"], "states": counts.get(id_, {})},
                customer_id=row["customer_id"],
            )
            for id_, row in done.items()
        ]


def _lines(change: Change, *, was: str, now: datetime) -> list[tuple[str, datetime, str, dict[str, Any]]]:
    """The timeline's lines of a change: where the post went, and everything that was noted of it."""
    post = change.post
    moved = [Note("state", {"from": was, "to": str(post.state)})] if was != post.state else []
    return [(post.id, now, note.kind, note.detail) for note in (*moved, *change.notes)]
