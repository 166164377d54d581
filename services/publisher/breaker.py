"""A breaker for our own failures: after a few in a row the consumer probes with one job at a time, ever more slowly."""

OPENS_AFTER = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0


class Breaker:
    """Counts failures in a row. One success closes it."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def succeeded(self) -> None:
        self._in_a_row = 0

    def failed(self) -> None:
        self._in_a_row += 1

    @property
    def open(self) -> bool:
        return self._in_a_row >= OPENS_AFTER

    @property
    def pause_s(self) -> float:
        """How long to wait before giving a job back, and before probing with the next."""
        return min(FIRST_PAUSE_S * 2.0 ** min(max(self._in_a_row - 1, 0), 10), LONGEST_PAUSE_S)
