"""The knobs as they stand now, and as they were at the start."""

from typing import Any

from services.simulator.knobs import Knobs


class Dials:
    """Read `now` each time: a test may have turned something."""

    def __init__(self, initial: Knobs) -> None:
        self._initial = initial
        self.now = initial

    def turn(self, change: dict[str, Any]) -> Knobs:
        """Applies a partial change; raises pydantic's ValidationError and changes nothing when it is wrong."""
        self.now = self.now.changed(change)
        return self.now

    def restore(self) -> None:
        self.now = self._initial
