"""Pages of rows that are ordered by id, newest first."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from libs.rest.shape import Item, Page

R = TypeVar("R")
Shown = TypeVar("Shown", bound=Item)


def page(rows: Sequence[R], shown: Callable[[R], Shown], *, limit: int) -> Page[Shown]:
    """A page of at most `limit`; the rows were asked for with one more, which says whether there is a next page."""
    items = tuple(shown(row) for row in rows[:limit])
    return Page(data=items, next_cursor=items[-1].id if len(rows) > limit else None)
