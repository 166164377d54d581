"""Who may begin a request: how one process shares what it can have under way between endpoints that answer and those
that hang. Decided here, without I/O."""

from dataclasses import dataclass

SLOW_S = 1.0
"""From then on a request counts as slow: it waits for its timeout, most likely, and costs nothing but a connection."""


@dataclass(slots=True)
class Slots:
    """`most` prompt requests, and beside them as many slow ones: an endpoint that hangs takes no slot from the others.

    Whoever comes gets one of the first half. The second half is shared fairly between the lanes, and so is what is slow
    between the slow ones: before its first second is over a hanging endpoint has no more than it would have anyway.
    """

    most: int
    taken: int = 0
    """Prompt requests under way."""
    lanes: int = 1
    """Endpoints that have something waiting or under way."""
    slow_lanes: int = 0
    """Of them, those with a slow request."""

    def may_begin(self, *, sending: int, slow: int) -> bool:
        """Whether a lane with so many requests under way, and so many slow ones among them, may begin another."""
        if self.taken >= self.most:
            return False
        if slow and sending >= _share(self.most, self.slow_lanes):
            return False
        return self.taken < self.most // 2 or sending - slow < _share(self.most, self.lanes)


def _share(slots: int, lanes: int) -> int:
    return max(1, slots // max(1, lanes))
