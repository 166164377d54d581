"""How large, and at what rate: the arithmetic of conversion, without a codec in sight."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_USUAL_RATES: Final = tuple(
    Fraction(rate)
    for rate in (Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 48, 50, Fraction(60000, 1001), 60)
)
_NEAR: Final = Fraction(1, 100)
_BARELY_OVER: Final = Fraction(11, 10)
_NOMINAL_SLACK: Final = 0.02


@dataclass(frozen=True, slots=True)
class Canvas:
    """A video's size in even numbers, and the size of the picture centred in it; the rest stays black."""

    width: int
    height: int
    picture_width: int
    picture_height: int


def photo_size(width: int, height: int, *, short_side_max: int, long_side_max: int) -> tuple[int, int]:
    """The largest size of the same shape with both sides inside the bounds; never larger than it was."""
    short, long = sorted((width, height))
    scale = min(Fraction(1), Fraction(short_side_max, short), Fraction(long_side_max, long))
    return max(1, int(width * scale)), max(1, int(height * scale))


def canvas(width: int, height: int, *, side_min: int, short_side_max: int, long_side_max: int) -> Canvas:
    """The picture scaled into the bounds, keeping its shape, and bars where a side would still be under ``side_min``.

    ``side_min`` ≤ ``short_side_max`` ≤ ``long_side_max``, all even.
    """
    short, long = sorted((width, height))
    scale = min(Fraction(1), Fraction(short_side_max, short), Fraction(long_side_max, long))
    if short * scale < side_min:
        scale = min(Fraction(side_min, short), Fraction(long_side_max, long))
    picture_width, picture_height = _even(width * scale), _even(height * scale)
    return Canvas(max(side_min, picture_width), max(side_min, picture_height), picture_width, picture_height)


def frame_rate(average: float, *, nominal: float | None, variable: bool, low: int, high: int) -> Fraction:
    """A constant rate between ``low`` and ``high`` that shows the pictures most evenly.

    A legal constant rate stays. A slow one is multiplied, so that each picture is shown equally often; a fast one is
    divided, unless it is so little over that dropping a few pictures is the smaller loss. A varying one becomes the
    nearest usual rate. The ``nominal`` rate is believed where the counted ``average`` bears it out.
    """
    believed = nominal if nominal and abs(nominal - average) <= average * _NOMINAL_SLACK and not variable else average
    rate = Fraction(believed).limit_denominator(1001) or Fraction(high)
    if variable:
        wanted = min(Fraction(high), max(Fraction(low), rate))
        return min((usual for usual in _USUAL_RATES if low <= usual <= high), key=lambda usual: abs(usual - wanted))
    rate = next((usual for usual in _USUAL_RATES if abs(usual - rate) <= _NEAR), rate)
    if rate < low:
        rate *= -(-low // rate)
    elif rate > high:
        rate = Fraction(high) if rate <= high * _BARELY_OVER else rate / -(-rate // high)
    return min(Fraction(high), max(Fraction(low), rate.limit_denominator(1001)))


def _even(side: Fraction) -> int:
    """Half the pixels of H.264's colours: sides come in twos."""
    return max(2, 2 * int(side / 2))
