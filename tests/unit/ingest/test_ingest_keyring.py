"""Which secrets a webhook may be signed with: those of the app that it names, and of no other."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from libs.store.errors import Unavailable
from services.ingest.keyring import FRESH, MISSES_PER_S, Keyring, claimed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Book:
    """The store's part: what it has, and what it was asked."""

    def __init__(self, apps: Mapping[str, tuple[str, ...]]) -> None:
        self.apps = dict(apps)
        self.asked: list[str] = []
        self.away = False

    async def credentials(self, client_key: str) -> tuple[str, ...]:
        self.asked.append(client_key)
        if self.away:
            raise Unavailable("away")
        return self.apps.get(client_key, ())


class Hand:
    now = NOW


def keyring(book: Book, hand: type[Hand] = Hand) -> Keyring:
    return Keyring(book, client_key="ours", secrets=["s"], now=lambda: hand.now)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"client_key":7}', b'{"client_key":""}', b'{"client_key":"a\\u0000"}', b"\xff",
             b'{"client_key":"' + b"x" * 129 + b'"}', b"[" * 5000]
)  # fmt: skip
async def test_a_body_that_names_no_app_asks_nobody(body: bytes) -> None:
    book = Book({})

    assert claimed(body) is None
    assert await keyring(book).named_in(body) is None
    assert book.asked == []


async def test_the_operators_app_is_never_looked_up() -> None:
    book = Book({"ours": ("stolen",)})

    assert await keyring(book).named_in(b'{"client_key":"ours"}') is None
    assert book.asked == []


async def test_a_customers_app_is_looked_up_now_and_then_and_a_rotated_secret_counts_soon() -> None:
    class Clock(Hand):
        now = NOW

    book = Book({"theirs": ("old",)})
    ring, body = keyring(book, Clock), b'{"client_key":"theirs"}'

    async def secrets() -> tuple[str, ...] | None:
        found = await ring.named_in(body)
        return found.secrets if found else None

    assert [await secrets(), await secrets()] == [("old",)] * 2
    assert book.asked == ["theirs"]
    book.apps["theirs"] = ("new", "old")
    Clock.now += FRESH
    assert await secrets() == ("new", "old")
    book.away = True
    Clock.now += FRESH
    assert await secrets() == ("new", "old"), "what was known does while the store is away"
    book.away, book.apps = False, {}
    assert await secrets() is None


async def test_strangers_who_name_one_app_after_another_do_not_keep_the_store_busy() -> None:
    class Clock(Hand):
        now = NOW

    book = Book({})
    ring = keyring(book, Clock)

    for n in range(200):
        assert await ring.named_in(b'{"client_key":"guess%d"}' % n) is None

    assert len(book.asked) == MISSES_PER_S
    Clock.now += timedelta(seconds=1)
    book.apps["real"] = ("s",)
    assert await ring.named_in(b'{"client_key":"real"}') is not None
