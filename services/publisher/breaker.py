"""A breaker for our own failures: after a few rounds in a row the consumer probes with one job, ever more slowly."""

OPENS_AFTER = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
"""Also about how long jobs wait on after the cause is mended."""


class Breaker:
    """Counts rounds of jobs that failed, in a row. One success closes it.

    Rounds and not jobs: sixty jobs that meet one moment without a database are one failure, not sixty.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._counted = False

    def begin(self) -> None:
        """A round begins."""
        self._counted = False

    def succeeded(self) -> None:
        self._in_a_row = 0

    def failed(self) -> None:
        if not self._counted:
            self._in_a_row += 1
        self._counted = True

    @property
    def open(self) -> bool:
        return self._in_a_row >= OPENS_AFTER

    @property
    def pause_s(self) -> float:
        """How long to wait before giving a job back."""
        return min(FIRST_PAUSE_S * 2.0 ** min(max(self._in_a_row - 1, 0), 10), LONGEST_PAUSE_S)
