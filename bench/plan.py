"""How long and how often to measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` of each counted window, warm-up not included; `rounds` of ours and bare by turns; `soak_s` of steady
    flow while memory is looked at.
    """

    seconds: float
    rounds: int
    soak_s: float = 60.0
