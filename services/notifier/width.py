"""When something is claimed, and how wide the claim is. Decided here, without I/O."""

from collections.abc import Iterable

from services.notifier.lane import Lane

NARROW, MIDDLE, WIDE = (16, 400), (64, 100), (512, 12)
"""How many lanes are claimed at once, and how much of each: never so many rows that fresh events wait long for it,
and fewer of many where little waits for each, as after the fan-out of one event to very many endpoints."""
LITTLE = 10
FEW = 16
"""So much is claimed and kept of a lane of which little is soon begun."""


def next_width(lanes: int, deliveries: int, *, full: bool) -> tuple[int, int]:
    """How wide the next claim is, after one that found so many lanes, perhaps as many as it asked for."""
    if full and deliveries < LITTLE * lanes:
        return WIDE
    return MIDDLE if full or lanes > NARROW[0] else NARROW


def enough(lanes: Iterable[Lane], *, slots: int) -> bool:
    """Whether so much is in hand that claiming more would only make it old. What waits for the answers of its own
    endpoint counts little: everybody else would wait for them as well.
    """
    in_hand = for_slots = 0
    for lane in lanes:
        if not lane.slow:
            in_hand += len(lane.waiting)
            for_slots += len(lane.waiting) if lane.sending < lane.room else 0
    return for_slots >= 4 * slots or in_hand >= 40 * slots
