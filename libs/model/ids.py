"""Prefixed ids that sort by their time of birth: `post_01hz…` is 48 bits of milliseconds, 15 of a place within the
millisecond, then 65 random bits."""

import hashlib
import os
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

Prefix = Literal[
    "cus", "app", "acc", "grp", "med", "post", "bat", "evt", "end", "dlv", "att", "con", "rpl", "key", "agt", "aud"
]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u; sorts as its numbers do
_LETTERS = bytes(ord(_ALPHABET[n % 32]) for n in range(256))
"""A random byte is five random bits as a letter: one table, and no arithmetic for each."""
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
"""To the letters that Python reads numbers of base 32 in."""
_VALUE = {letter: number for number, letter in enumerate(_ALPHABET)}
_LENGTH = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)  # counted in integers: a float rounds some moments into the next day


class _Chance:
    """Random bytes of the system, asked for by the thousand: a kernel call for each id costs more than the id."""

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        if self._used + count > len(self._bytes):
            self._bytes, self._used = os.urandom(4_000), 0
        taken = self._bytes[self._used : self._used + count]
        self._used += count
        return taken

    def forget(self) -> None:
        self._bytes, self._used = b"", 0


class _Places:
    """Counts the ids of one millisecond: what one transaction records is read in the order it was made in."""

    def __init__(self) -> None:
        self._millisecond = -1
        self._next = 0

    def take(self, millisecond: int) -> str:
        """Three letters that sort after the last ones of the same millisecond, 16,384 times at least. Where they begin
        is chance: an id does not tell how many there were."""
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            high, low = _chance.take(2)
            self._next = (high & 63) << 8 | low
        place = self._next
        self._next = place + 1 & 32767
        return _ALPHABET[place >> 10] + _ALPHABET[place >> 5 & 31] + _ALPHABET[place & 31]


_chance = _Chance()
_places = _Places()
os.register_at_fork(after_in_child=_chance.forget)  # or parent and child would make the same ids


def new_id(prefix: Prefix, now: datetime) -> str:
    """A fresh id. Ids of different milliseconds sort by time; those made one after the other of the same one, in that
    order; those of two processes in none. For one thread."""
    born_at = (now - _EPOCH) // _MILLISECOND
    return f"{prefix}_{_when(born_at)}{_places.take(born_at)}{_chance.take(13).translate(_LETTERS).decode()}"


def first_id(prefix: Prefix, moment: datetime) -> str:
    """The smallest id that could be born then: ids of that prefix that are not smaller were born then or later."""
    return f"{prefix}_{_when(max(0, (moment - _EPOCH) // _MILLISECOND))}{_ALPHABET[0] * 16}"


def seeded_id(prefix: Prefix, now: datetime, seed: bytes) -> str:
    """The id that this moment and this seed always make. The seed must be secret enough to be nobody else's."""
    letters = hashlib.sha256(seed).digest()[:16].translate(_LETTERS).decode()
    return f"{prefix}_{_when((now - _EPOCH) // _MILLISECOND)}{letters}"


@lru_cache(maxsize=64)
def _when(milliseconds: int) -> str:
    """Ten letters that sort as the milliseconds do."""
    return "".join([_ALPHABET[(milliseconds >> shift) & 31] for shift in range(45, -1, -5)])


def is_id(text: str, prefix: Prefix) -> bool:
    """Whether the text has the form of an id of this prefix."""
    head, sep, tail = text.partition("_")
    return head == prefix and bool(sep) and len(tail) == _LENGTH and all(letter in _VALUE for letter in tail)


def number_of(id_: str) -> int:
    """An id without its prefix as a number; ids sort as their numbers do. Raises ValueError for letters of no id."""
    return int(id_.rpartition("_")[2].translate(_DIGITS), 32)


def born(id_: str) -> datetime:
    """When the id was made, to the millisecond. Raises ValueError for anything that is not one of our ids."""
    tail = id_.rpartition("_")[2]
    if len(tail) != _LENGTH:
        raise ValueError(f"not an id: {id_[:64]!r}")
    number = 0
    for letter in tail[:10]:
        if letter not in _VALUE:
            raise ValueError(f"not an id: {id_[:64]!r}")
        number = (number << 5) | _VALUE[letter]
    try:
        return _EPOCH + number * _MILLISECOND
    except OverflowError:
        raise ValueError(f"not an id: {id_[:64]!r}") from None


def day_of(id_: str) -> date:
    """The UTC day of an id's birth: the partition its row lives in. Raises ValueError as `born` does."""
    return born(id_).date()
