"""Looking for secrets where none may be: every byte of the database, of the logs, of what was answered and sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import asyncpg

WINDOW = 14
"""So many characters of a secret's beginning or end are a leak too: texts get cut."""
PREFIXES = ("act.", "rft.", "cw_", "whsec_", "whsk_", "awsim")
_COPY_S = 60.0


@dataclass(frozen=True, slots=True)
class Secret:
    """One true secret. `shown_by` are the answers that exist to show it, once."""

    kind: str
    value: str = field(repr=False)
    shown_by: frozenset[str] = frozenset()

    def needles(self) -> tuple[bytes, ...]:
        """What gives it away: itself, as a URL would carry it, and each end of what nobody could guess."""
        bare = self.value
        for prefix in PREFIXES:
            bare = bare.removeprefix(prefix)
        ends = {bare[:WINDOW], bare[-WINDOW:]} if len(bare) >= 2 * WINDOW else set()
        return tuple(text.encode() for text in {self.value, quote(self.value, safe=""), *ends})


@dataclass(frozen=True, slots=True)
class Place:
    """Something that was kept, said or sent."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    place: str
    kind: str
    around: str
    """What stands before it, for whoever has to mend it."""


def scan(secrets: Iterable[Secret], places: Sequence[Place]) -> list[Leak]:
    """Every (place, secret) where that secret may not be."""
    found = set()
    for secret in set(secrets):
        needles = secret.needles()
        for place in places:
            if place.name in secret.shown_by:
                continue
            at = next((at for needle in needles if (at := place.content.find(needle)) >= 0), -1)
            if at >= 0:
                before = place.content[max(0, at - 160) : at].decode(errors="replace")
                found.add(Leak(place.name, secret.kind, before))
    return sorted(found)


async def dump(database_url: str) -> list[Place]:
    """Every table of the database with every column of every row, text and bytes as they are."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"
        )
        return [Place(f"table {row['relname']}", await _copied(connection, row["relname"])) for row in tables]
    finally:
        await connection.close()


async def _copied(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> bytes:
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await connection.copy_from_table(table, output=keep, format="binary", timeout=_COPY_S)
    return b"".join(pieces)


def counted(secrets: Iterable[Secret]) -> Mapping[str, int]:
    """How many secrets of each kind there are."""
    counts: dict[str, int] = {}
    for secret in set(secrets):
        counts[secret.kind] = counts.get(secret.kind, 0) + 1
    return counts
