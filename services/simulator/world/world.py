"""All tables of the simulated TikTok, and how rows find each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.simulator.world.ids import Ids
from services.simulator.world.record import (
    AccessToken,
    AuthCode,
    Client,
    Creator,
    Grant,
    Media,
    Post,
    Publication,
    RefreshToken,
)
from services.simulator.world.table import Table
from services.simulator.world.window import Windows


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is remembered."""

    accounts: int = 10_000
    history: int = 20_000

    @property
    def tokens(self) -> int:
        return self.accounts * 8


class World:
    """The truth. One event loop reads and writes it; nothing here waits."""

    def __init__(self, ids: Ids, bounds: Bounds) -> None:
        self.ids = ids
        self.clients: Table[str, Client] = Table(1_000)
        self.creators: Table[str, Creator] = Table(bounds.accounts)
        self.grants: Table[str, Grant] = Table(bounds.accounts * 2, may_go=lambda grant: not grant.live)
        self.access: Table[str, AccessToken] = Table(bounds.tokens, may_go=lambda token: token.ended)
        self.refresh: Table[str, RefreshToken] = Table(bounds.tokens, may_go=lambda token: token.dead_from is not None)
        self.codes: Table[str, AuthCode] = Table(bounds.accounts, may_go=lambda code: code.used)
        self.publications: Table[str, Publication] = Table(bounds.history, may_go=lambda pub: pub.finished)
        self.uploads: Table[int, Publication] = Table(bounds.history, may_go=lambda pub: pub.finished)
        self.posts: Table[int, Post] = Table(bounds.history)
        self.windows = Windows()
        self._grant_of: dict[tuple[str, str], str] = {}
        self._posts_of: dict[str, list[int]] = {}
        self._moments: set[tuple[str, int]] = set()
        self._pubs_of: dict[str, list[str]] = {}

    # People and apps

    def creator_named(self, username: str) -> Creator | None:
        return next((creator for creator in self.creators if creator.username == username), None)

    def grant_of(self, client_key: str, union_id: str) -> Grant | None:
        """The one grant of this app and creator, live or removed."""
        open_id = self._grant_of.get((client_key, union_id))
        return self.grants.get(open_id) if open_id else None

    def add_grant(self, grant: Grant) -> None:
        self.grants.add(grant.open_id, grant)
        self._grant_of[(grant.client_key, grant.union_id)] = grant.open_id

    def owner(self, grant: Grant) -> Creator | None:
        return self.creators.get(grant.union_id)

    # Posts

    def add_publication(self, pub: Publication) -> list[Media]:
        """Stores it; returns files of a forgotten publication that nothing shows any more."""
        gone = self.publications.add(pub.publish_id, pub)
        if pub.upload is not None:
            self.uploads.add(pub.upload.upload_id, pub)
        self._pubs_of.setdefault(pub.union_id, []).append(pub.publish_id)
        if gone is None:
            return []
        if gone.upload is not None:
            self.uploads.pop(gone.upload.upload_id)
        mine = self._pubs_of.get(gone.union_id, [])
        if gone.publish_id in mine:
            mine.remove(gone.publish_id)
        return gone.media

    def publications_of(self, union_id: str) -> Iterator[Publication]:
        for publish_id in self._pubs_of.get(union_id, ()):
            if (pub := self.publications.get(publish_id)) is not None:
                yield pub

    def add_post(self, post: Post) -> None:
        """Puts it on the profile; two posts of a creator never share a millisecond, so cursors lose none."""
        while (post.union_id, post.created_ms) in self._moments:
            post.created_ms += 1
        self._moments.add((post.union_id, post.created_ms))
        self._posts_of.setdefault(post.union_id, []).append(post.post_id)
        gone = self.posts.add(post.post_id, post)
        if gone is not None:
            self._moments.discard((gone.union_id, gone.created_ms))
            if gone.post_id in (theirs := self._posts_of.get(gone.union_id, [])):
                theirs.remove(gone.post_id)

    def posts_of(self, union_id: str) -> Iterator[Post]:
        for post_id in self._posts_of.get(union_id, ()):
            if (post := self.posts.get(post_id)) is not None:
                yield post

    def clear(self) -> None:
        """Forgets everything but the counters of ids and the apps."""
        self.creators.clear()
        self.grants.clear()
        self.access.clear()
        self.refresh.clear()
        self.codes.clear()
        self.publications.clear()
        self.uploads.clear()
        self.posts.clear()
        self._grant_of.clear()
        self._posts_of.clear()
        self._moments.clear()
        self._pubs_of.clear()
        for client in self.clients:
            client.posters.clear()
        self.windows.clear()
