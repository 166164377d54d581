"""Posts: accepted once, claimed by one driver at a time, saved only by who read the latest version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.model.change import Change
from libs.model.event import Event
from libs.model.key import EVERYWHERE, Reach
from libs.model.news import News
from libs.model.post import Note, Post
from libs.model.publication import Publication
from libs.model.roster import seat
from libs.model.waiting import WAITS, Place
from libs.store import rows
from libs.store.acceptance import Acceptance, Accepted, found
from libs.store.change import ChangeWriter
from libs.store.pool import Connection, Pool
from libs.store.sources import kept, whole
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("posts")
LOOKS_AHEAD = timedelta(minutes=10)
"""Moments further away are no company: a minute has thirty."""

AHEAD_MAX = 10_000
"""Posts before one in its lane that are counted; more make its wait no longer."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a decision about a post needs."""

    post: Post
    publications: tuple[Publication, ...]
    news: tuple[News, ...]

    @property
    def publication(self) -> Publication | None:
        """The post's current publication."""
        return next((p for p in self.publications if p.n == self.post.publication), None)


@dataclass(frozen=True, slots=True)
class Owned:
    """The post that a publish id belongs to, as its publication `n`, and the app and creator it was made for."""

    context: Context
    n: int
    client_key: str
    open_id: str


class Posts:
    """The tables posts, publications, news, timeline, batches and post_lanes."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        self._writer = ChangeWriter(vault)
        self._acceptance = Acceptance(vault)

    async def accept(
        self,
        posts: Sequence[Post],
        *,
        request_hash: bytes,
        events: Sequence[Event],
        unlike_since: datetime | None = None,
    ) -> Accepted:
        """Inserts the posts of one request, one per account, with their events and their batch, or finds them.

        Raises `IdempotencyConflict` when the key was used for another request, and `Duplicate` when an account has one
        with the same content that was accepted since `unlike_since`. Safe to call twice at once.
        """
        first = posts[0]
        accounts = [post.account_id for post in posts]

        async def insert(connection: Connection) -> bool:
            if unlike_since is not None:
                await self._acceptance.refuse_twins(connection, posts, since=unlike_since)
            return await self._acceptance.insert(connection, posts, request_hash=request_hash, events=events)

        for _ in range(3):
            if await self._pool.transact(insert):
                return Accepted(tuple(posts), created=True)
            known = await self.accepted(
                customer_id=first.customer_id, key=first.idempotency_key, accounts=accounts, request_hash=request_hash
            )
            if known is not None:
                return known
        raise RuntimeError("an idempotency key was neither found nor free, three times")

    async def accepted(
        self, *, customer_id: str, key: str, accounts: Sequence[str], request_hash: bytes
    ) -> Accepted | None:
        """What this key was used for already, if anything. Raises `IdempotencyConflict` when for another request."""
        known = await self._pool.fetch(SQL.known, customer_id, key, list(accounts))
        return found(known, request_hash) if known else None

    async def claim_due(self, *, now: datetime, lease: datetime, limit: int) -> list[Context]:
        """Posts whose alarm has come, outside lanes, leased until `lease`."""
        claimed = await self._pool.fetch(SQL.claim_due, now, lease, limit)
        return await self._contexts([rows.post(row) for row in claimed])

    async def next_alarm(self) -> datetime | None:
        """When something is due next; None when nothing ever is."""
        at: datetime | None = await self._pool.fetchval(SQL.next_alarm)
        return at

    async def claim_lanes(self, *, now: datetime, lease: datetime, limit: int) -> list[tuple[str, int]]:
        """(account id, ring) of lanes whose alarm has come."""
        return [(row["account_id"], row["ring"]) for row in await self._pool.fetch(SQL.claim_lanes, now, lease, limit)]

    async def claim_in_lane(self, account_id: str, *, now: datetime, lease: datetime, limit: int) -> list[Context]:
        """The next posts of one account's lane, oldest first, taken out of it and leased until `lease`."""
        claimed = await self._pool.fetch(SQL.claim_in_lane, account_id, now, lease, limit)
        posts = (rows.post(row) for row in claimed)
        return await self._contexts(sorted(posts, key=lambda post: (post.publish_at or post.created_at, post.id)))

    async def rest_lane(self, account_id: str, *, ring: int, until: datetime, now: datetime) -> None:
        """Lets a lane sleep until `until` or its next post, whichever is later; at once due if it rang since `ring`."""
        await self._pool.execute(SQL.rest_lane, account_id, ring, until, now)

    async def wake_lane(self, account_id: str, *, at: datetime) -> None:
        await self._pool.execute(SQL.wake_lane, account_id, at)

    async def sweep_lanes(self, *, now: datetime) -> int:
        """Repairs lanes that sleep past a waiting post; returns how many (above 0 is worth a log line)."""
        return await self._pool.execute(SQL.sweep_lanes, now)

    async def save(
        self, changes: Sequence[Change], *, now: datetime, facts: Sequence[tuple[int, str]] = ()
    ) -> set[str]:
        """Saves the changes in one transaction and settles the (fact id, result) pairs; returns the stale ids.

        A change whose post was saved by somebody else since it was read is left out whole. With `facts`, nothing is
        saved when any change is stale: a fact is settled only together with what it did.
        """

        async def write(connection: Connection) -> set[str]:
            return await self._writer.write(connection, changes, now=now, facts=facts)

        return await self._pool.transact(write)

    async def learn(self, post_id: str, n: int, *, publish_id: str, now: datetime) -> bool:
        """Keeps the publish id of an init whose driver has lost the post; what was heard of it is settled next.

        False when the publication has one already. An unconfirmed post is looked at at once.
        """

        async def write(connection: Connection) -> bool:
            if await connection.fetchrow(SQL.learn, post_id, n, publish_id) is None:
                return False
            await connection.execute(SQL.wake_facts, [publish_id], now)
            await connection.execute(SQL.wake_unconfirmed, post_id, n, now)
            return True

        return await self._pool.transact(write)

    async def save_look(self, change: Change, *, now: datetime) -> tuple[Change, bool]:
        """Saves a change whose alarm is a look, at a moment beside those of the account's others; (as saved, stale).

        One after the other for each account, so that no two get one moment.
        """
        post = change.post

        async def write(connection: Connection) -> tuple[Change, bool]:
            await connection.execute(SQL.hold_looks, post.account_id)
            others = await connection.fetch(SQL.looks, post.account_id, post.id, now, now + LOOKS_AHEAD)
            seated = seat(change, beside=[row["alarm"] for row in others], now=now)
            return seated, bool(await self._writer.write(connection, [seated], now=now, facts=()))

        return await self._pool.transact(write)

    async def save_progress(self, change: Change) -> bool | None:
        """Saves how far an upload got (`upload.progressed`): whether a cancel was asked for, or None when it is stale.

        Does not wait for the disk: should the database crash in the next second, some of the last chunks may be sent
        again. Never for the last chunk.
        """
        (sent,) = change.publications
        row = await self._pool.fetchrow(
            SQL.save_progress, change.post.id, change.post.version, change.post.alarm, change.post.updated_at, sent.n,
            sent.sent_bytes, [note.kind for note in change.notes], [note.detail for note in change.notes],
        )  # fmt: skip
        return None if row is None else bool(row["cancel_requested"])

    async def young(self, account_id: str, *, since: datetime) -> int:
        """How many posts of the account TikTok has taken since then and not told the end of."""
        return int(await self._pool.fetchval(SQL.young, account_id, since))

    async def contexts_by_publish_id(self, publish_ids: Sequence[str]) -> dict[str, Owned]:
        """publish id → the post it belongs to, which of its publications it is, and whose."""
        found = await self._pool.fetch(SQL.by_publish_ids, list(publish_ids))
        posts = {row["id"]: rows.post(row) for row in found}
        contexts = {context.post.id: context for context in await self._contexts(list(posts.values()))}
        return {
            row["of_publish_id"]: Owned(contexts[row["id"]], row["of_n"], row["of_client_key"], row["of_open_id"])
            for row in found
        }

    async def get(self, id_: str, *, customer_id: str | None, reach: Reach = EVERYWHERE) -> Context | None:
        """A post with its publications and news, if it is that customer's (None: anybody's) and within reach."""
        row = await self._pool.fetchrow(SQL.get, id_, customer_id, *rows.reach(reach))
        return (await self._contexts([rows.post(row)]))[0] if row else None

    async def unfinished(self, *, after: str, limit: int) -> list[Context]:
        """Posts that have not come to rest, by id, of everybody."""
        found = await self._pool.fetch(SQL.unfinished, after, limit)
        return await self._contexts([rows.post(row) for row in found])

    async def timeline(self, post_id: str, *, after: int = 0, limit: int = 500) -> list[tuple[int, datetime, Note]]:
        """What happened to a post, in order: (place, when, what) of what comes after the place `after`."""
        found = await self._pool.fetch(SQL.timeline_of, post_id, after, limit)
        return [(row["id"], row["at"], Note(row["kind"], row["detail"])) for row in found]

    async def place(self, post_id: str, *, per_minute: int) -> Place:
        """What is known of why the post waits, and for how long. `per_minute` of an account's posts are begun."""
        row = await self._pool.fetchrow(SQL.place, post_id, list(WAITS), AHEAD_MAX)
        if row is None:
            return Place()
        said = Note(row["kind"], row["detail"]) if row["kind"] else None
        return Place(said, row["turn_at"], row["ahead"] if row["turn_at"] else 0, per_minute)

    async def edit(self, change: Change, *, request: Mapping[str, Any], now: datetime) -> bool:
        """Saves a change of a draft together with its new request; False when it is not the draft that was read."""

        async def write(connection: Connection) -> bool:
            clear, sealed = kept(request, self._vault)
            row = await connection.fetchrow(SQL.edit, change.post.id, change.post.version, clear, sealed)
            if row is None:
                return False
            return not await self._writer.write(connection, [change], now=now, facts=())

        return await self._pool.transact(write)

    async def whole_request(self, post: Post) -> dict[str, Any]:
        """The post's request with its URLs whole: `post.request` has them without their query."""
        sealed: bytes | None = await self._pool.fetchval(SQL.sources, post.id)
        return whole(post.request, sealed, self._vault)

    async def heard_of(self, post_id: str) -> bool:
        """Whether TikTok told of any publication of the post that it arrived, whatever became of that news."""
        return bool(await self._pool.fetchval(SQL.heard_of, post_id))

    async def note_cancel(self, post_id: str, *, now: datetime) -> bool:
        """Asks whoever drives the post to cancel it; False when it has reached a state where that means nothing."""
        return await self._pool.fetchrow(SQL.note_cancel, post_id, now) is not None

    async def cancel_requested(self, post_id: str) -> bool:
        return bool(await self._pool.fetchval(SQL.cancel_requested, post_id))

    async def add_note(self, post_id: str, note: Note, *, now: datetime) -> None:
        """A line on the timeline that goes with no change."""
        await self._pool.execute(SQL.add_note, post_id, now, note.kind, note.detail)

    async def _contexts(self, posts: Sequence[Post]) -> list[Context]:
        sent = [post.id for post in posts if post.publication]
        publications: dict[str, list[Publication]] = {}
        news: dict[str, list[News]] = {}
        if sent:
            async with self._pool.connection() as connection:
                for row in await connection.fetch(SQL.publications_of, sent):
                    publications.setdefault(row["post_id"], []).append(rows.publication(row, self._vault))
                for row in await connection.fetch(SQL.news_of, sent):
                    news.setdefault(row["post_id"], []).append(rows.news(row))
        return [Context(p, tuple(publications.get(p.id, ())), tuple(news.get(p.id, ()))) for p in posts]
