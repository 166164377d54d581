"""A place in the feed of events: kept by the server under a name, or held here for as long as a command runs."""

import time
from collections.abc import Sequence
from typing import Final, Literal, Protocol
from uuid import uuid4

from libs.model.endpoint import wanted
from libs.rest.client import Clipwire, Refused, TimedOut, Unreachable
from libs.rest.events import EventAnswer, Feed
from services.cli.say import Say

AT_ONCE: Final = 100
AWAY_S: Final = 600.0
LOOK_S: Final = 1.0

Start = Literal["now", "beginning"]


class Place(Protocol):
    """Reads on from where `done` last was."""

    def read(self, limit: int) -> Feed: ...

    def select(self, feed: Feed) -> Sequence[EventAnswer]:
        """Those that are wanted."""
        ...

    def done(self, feed: Feed) -> None:
        """They were worked: what is read next comes after them."""


class Kept:
    """A consumer: it goes on where it was, also next time."""

    def __init__(self, client: Clipwire, name: str, owner: str | None) -> None:
        self._client = client
        self._name = name
        self._owner = owner

    def begin(self, events: Sequence[str], start: Start) -> Sequence[str] | None:
        """Makes it; or leaves it as it is where there is one, and returns the events that it hears."""
        wish = {"customer_id": self._owner} if self._owner else {}
        try:
            self._client.consumers.create(name=self._name, events=events, start=start, **wish)
        except Refused as refused:
            if refused.problem.code != "consumer_exists":
                raise
            return self._client.consumers.get(self._name, customer_id=self._owner).events
        return None

    def read(self, limit: int) -> Feed:
        return self._client.consumers.read(self._name, limit=limit, customer_id=self._owner)

    def select(self, feed: Feed) -> Sequence[EventAnswer]:
        return feed.data

    def done(self, feed: Feed) -> None:
        if feed.data and feed.next_cursor:
            self._client.consumers.acknowledge(self._name, cursor=feed.next_cursor, customer_id=self._owner)


class Held:
    """A cursor in hand: however the command ends, nothing of it is left at the server."""

    def __init__(self, client: Clipwire, events: Sequence[str], owner: str | None, cursor: str) -> None:
        self._client = client
        self._events = events
        self._owner = owner
        self._cursor = cursor

    @classmethod
    def at(cls, client: Clipwire, events: Sequence[str], owner: str | None, start: Start) -> "Held":
        """A consumer that is gone at once says where `start` is, and whether there are such events."""
        name = f"cli-{uuid4().hex[:12]}"
        wish = {"customer_id": owner} if owner else {}
        made = client.consumers.create(name=name, events=events, start=start, **wish)
        client.consumers.remove(name, customer_id=owner)
        return cls(client, events, owner, made.cursor)

    def read(self, limit: int) -> Feed:
        wish = {"customer_id": self._owner} if self._owner else {}
        return self._client.events.read(cursor=self._cursor, limit=limit, **wish)

    def select(self, feed: Feed) -> Sequence[EventAnswer]:
        return [event for event in feed.data if wanted(self._events, event.type)]

    def done(self, feed: Feed) -> None:
        self._cursor = feed.next_cursor or self._cursor


def read(place: Place, limit: int, say: Say) -> Feed:
    """What is new. A server that is away for a while is waited for: the place is not lost."""
    gone_at: float | None = None
    while True:
        try:
            return place.read(limit)
        except (Unreachable, TimedOut) as error:
            now = time.monotonic()
            if gone_at is None:
                gone_at = now
                say.note(f"{error}; waiting for it.")
            if now - gone_at > AWAY_S:
                raise
            time.sleep(LOOK_S)
