"""What one process remembers of endpoints for which nothing waits just now. Without I/O."""

from typing import NamedTuple

REMEMBERED, DOUBTED = 10_000, 500
"""So many endpoints, and so many of the doubted, which are named in every claim; the latest of each."""
BEGINS_WITH = 4
"""How many requests an endpoint of which nothing is known may have under way. Each success lets it have one more: one
that answers has all it may within a few answers, and one that hangs never had much."""


class Past(NamedTuple):
    """How a lane was when it ran empty; so it begins again."""

    room: int = BEGINS_WITH
    doubted: bool = False
    excused: bool = False


UNKNOWN = Past()


class Memory:
    """The past of endpoints, by id: an endpoint that hung a minute ago is not trusted with many requests again."""

    def __init__(self, *, most: int = REMEMBERED, most_doubted: int = DOUBTED) -> None:
        self._most = most
        self._most_doubted = most_doubted
        self._past: dict[str, Past] = {}
        self._doubted: dict[str, None] = {}

    def recall(self, endpoint_id: str) -> Past:
        """How its lane begins. From now on the lane itself says whether it is doubted."""
        self._doubted.pop(endpoint_id, None)
        return self._past.get(endpoint_id, UNKNOWN)

    def keep(self, endpoint_id: str, past: Past) -> None:
        self._doubted.pop(endpoint_id, None)
        if past.doubted:
            self._doubted[endpoint_id] = None
            if len(self._doubted) > self._most_doubted:
                del self._doubted[next(iter(self._doubted))]
        if self._past.get(endpoint_id) == past:
            return
        self._past.pop(endpoint_id, None)
        self._past[endpoint_id] = past
        if len(self._past) > self._most:
            del self._past[next(iter(self._past))]

    @property
    def doubted(self) -> list[str]:
        """The endpoints that were doubted when their lanes ran empty, and have not begun again."""
        return list(self._doubted)
