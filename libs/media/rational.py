"""PyAV's ratios as Python's: version 18 says ``Fraction | None``, version 19 its own type that may be 0/1."""

from __future__ import annotations

from fractions import Fraction


def fraction(ratio: object) -> Fraction | None:
    """A positive or negative ratio; None for one that is unknown, zero or infinite."""
    numerator, denominator = getattr(ratio, "numerator", 0), getattr(ratio, "denominator", 0)
    return Fraction(numerator, denominator) if numerator and denominator else None
