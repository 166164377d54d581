"""A bounded table: the oldest row that may go makes room for a new one."""

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Table(Generic[K, V]):
    """Rows by key in order of arrival, at most `most`; `may_go` protects rows that are still needed.

    When every row is protected the oldest goes anyway: bounded beats complete.
    """

    def __init__(self, most: int, *, may_go: Callable[[V], bool] | None = None) -> None:
        self._most = most
        self._may_go = may_go
        self._rows: dict[K, V] = {}
        self.evicted = 0

    def add(self, key: K, row: V) -> V | None:
        """Stores the row; returns the one that had to go, if any."""
        self._rows[key] = row
        if len(self._rows) <= self._most:
            return None
        victim = next((k for k, v in self._rows.items() if k != key and self._is_free(v)), next(iter(self._rows)))
        self.evicted += 1
        return self._rows.pop(victim)

    def _is_free(self, row: V) -> bool:
        return self._may_go is None or self._may_go(row)

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def pop(self, key: K) -> V | None:
        return self._rows.pop(key, None)

    def __iter__(self) -> Iterator[V]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def newest(self, count: int) -> list[V]:
        """Up to `count` rows, newest first."""
        rows = reversed(self._rows.values())
        return [row for _, row in zip(range(count), rows, strict=False)]

    def clear(self) -> None:
        self._rows.clear()
