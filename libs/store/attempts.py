"""Attempts, searched: every try of every delivery, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.model.ids import day_of, first_id
from libs.store import rows
from libs.store.pool import Pool
from libs.store.sql import Queries

SQL = Queries("attempts")
LATELY = 500
"""Failures read for a usual word before its index is asked: their answers may be long."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which attempts: begun between `since` and `until`, and whatever else is not None.

    `words` are looked for in the errors and answers of what failed.
    """

    since: datetime
    until: datetime
    endpoint_id: str | None = None
    event_id: str | None = None
    status: int | None = None
    failed: bool | None = None
    words: str | None = None


class Attempts:
    """The table attempts, as it is read."""

    def __init__(self, pool: Pool, *, lately: int = LATELY) -> None:
        self._pool = pool
        self._lately = lately

    async def search(
        self, search: Search, *, customer_id: str | None, before: str | None, limit: int
    ) -> list[rows.Row]:
        """Attempts at that customer's endpoints (None: at anybody's), newest first, older than the one `before`."""
        endpoints = await self._endpoints(search, customer_id)
        if endpoints == []:
            return []
        first, last = first_id("att", search.since), first_id("att", search.until)
        below = min(before, last) if before else last
        usual = (first, below, day_of(first), day_of(last), search.status, search.failed, limit)
        if search.words is not None:
            words = (*usual, search.words, endpoints, search.event_id)
            return await self._said(*words, endpoints=endpoints, limit=limit)
        if search.event_id is not None:
            day = rows.id_day(search.event_id)
            return await self._found(SQL.of_event, *usual, search.event_id, day, endpoints)
        if endpoints is not None:
            return await self._found(SQL.of_failed if _of_failures(search) else SQL.of_endpoints, *usual, endpoints)
        return await self._found(SQL.of_all, *usual)

    async def _said(self, *usual: object, endpoints: Sequence[str] | None, limit: int) -> list[rows.Row]:
        """A usual word fills the page from what failed last, a rare one is found by its index: nobody can say before
        which it is, and each way is slow for the other.
        """
        if endpoints is None:
            found = await self._found(SQL.of_words_lately, *usual, self._lately)
        else:
            found = await self._found(SQL.of_words_lately_at, *usual, max(limit, self._lately // len(endpoints)))
        return found if len(found) == limit else await self._found(SQL.of_words, *usual)

    async def _found(self, statement: str, *args: object) -> list[rows.Row]:
        """Planned for what is asked: a word that is rare and one that is everywhere are found by different ways."""
        async with self._pool.transaction() as connection:
            await connection.execute("set local plan_cache_mode = force_custom_plan")
            return await connection.fetch(statement, *args)

    async def _endpoints(self, search: Search, customer_id: str | None) -> list[str] | None:
        """Whose attempts may be shown; None: everybody's."""
        if customer_id is None:
            return [search.endpoint_id] if search.endpoint_id else None
        return [row["id"] for row in await self._pool.fetch(SQL.endpoints_of, customer_id, search.endpoint_id)]


def _of_failures(search: Search) -> bool:
    """Whether it can only find what failed."""
    return search.failed is True or (search.status is not None and not 200 <= search.status <= 299)
