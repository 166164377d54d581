"""Accepting posts: the posts of one request, once, and none that is another's twin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.model.event import Event
from libs.model.ids import first_id
from libs.model.post import FINAL, Post, PostState
from libs.store import rows
from libs.store.events import record_events
from libs.store.pool import Connection
from libs.store.sources import new_record, whole
from libs.store.sql import Queries
from libs.store.vault import Vault

SQL = Queries("posts")
TWINS = 50
"""How many of an account's posts with the same words are compared by the bytes of their files and their whole URLs."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The posts of one request; `created` is False when its idempotency key had been used for the same request."""

    posts: tuple[Post, ...]
    created: bool


class IdempotencyConflict(Exception):
    """The idempotency key was used before for another request; carries a post it made."""

    def __init__(self, post: Post) -> None:
        super().__init__(f"the idempotency key belongs to {post.id}")
        self.post = post


class Duplicate(Exception):
    """The account has a post with the same content; carries it."""

    def __init__(self, post: Post) -> None:
        super().__init__(f"{post.id} has the same content")
        self.post = post


class Acceptance:
    """The statements of an acceptance, inside the transaction that it is."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def insert(
        self, connection: Connection, posts: Sequence[Post], *, request_hash: bytes, events: Sequence[Event]
    ) -> bool:
        """False, and nothing is inserted, when the key of one of them is taken."""
        first = posts[0]
        savepoint = connection.transaction()
        await savepoint.start()
        if first.batch_id is not None:
            await connection.execute(SQL.insert_batch, first.batch_id, first.customer_id, len(posts), first.created_at)
        ordered = sorted(posts, key=lambda post: post.account_id)  # the same key may race with other accounts first
        made = await connection.fetch(SQL.insert, [new_record(post, self._vault) for post in ordered], request_hash)
        if len(made) != len(posts):
            await savepoint.rollback()
            return False
        await savepoint.commit()
        waiting = [post for post in posts if post.in_lane and post.alarm is not None]
        if waiting:
            await connection.execute(SQL.ring_lanes, [p.account_id for p in waiting], [p.alarm for p in waiting])
        await record_events(connection, events, now=first.created_at)
        return True

    async def refuse_twins(self, connection: Connection, posts: Sequence[Post], *, since: datetime) -> None:
        """Raises `Duplicate` for the first account that has a post with the same words and files since then."""
        states = [state for state in PostState if state not in (*FINAL, PostState.DRAFT)]
        for post in sorted(posts, key=lambda post: post.account_id):
            said, media = post.request, list(post.request["media"])
            content = (said["kind"], len(media), said.get("title") or "", said.get("description") or "", said["mode"])
            await connection.execute(SQL.lock_account, post.account_id)
            args = (post.account_id, states, first_id("post", since), *content, TWINS)
            twins = await connection.fetch(SQL.twins, *args)
            theirs = [list(whole(row["request"], row["sources"], self._vault)["media"]) for row in twins]
            named = {source for sources in (media, *theirs) for source in sources}
            kept = await connection.fetch(SQL.same_bytes, list(named)) if twins else []
            digests = {row["id"]: row["sha256"] for row in kept}
            for row, sources in zip(twins, theirs, strict=True):
                if all(digests.get(a, a) == digests.get(b, b) for a, b in zip(media, sources, strict=True)):
                    raise Duplicate(rows.post(row))


def found(known: Sequence[rows.Row], request_hash: bytes) -> Accepted:
    """The posts that a key made. Raises `IdempotencyConflict` when it was for another request."""
    posts = tuple(rows.post(row) for row in known)
    if any(bytes(row["request_hash"]) != request_hash for row in known):
        raise IdempotencyConflict(posts[0])
    return Accepted(posts, created=False)
