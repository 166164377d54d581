"""How often TikTok may be asked per account and minute (fact sheet 3), and how long an answer may take."""

from datetime import timedelta
from enum import StrEnum

WINDOW = timedelta(seconds=61)
"""A slot is free this long after its call ended: TikTok's minute, and a second for clocks that differ."""


class Call(StrEnum):
    """A budget of its own each, counted per account across replicas."""

    VIDEO_INIT = "video_init"
    INBOX_INIT = "inbox_init"
    CREATOR_INFO = "creator_info"
    STATUS = "status"
    STATUS_IDLE = "status_idle"
    """The part of `STATUS` that may go into looks nobody waits for; as large as the account's young posts leave it."""
    CANCEL = "cancel"
    VIDEO_LIST = "video_list"
    VIDEO_QUERY = "video_query"
    USER_INFO = "user_info"


PER_MINUTE: dict[Call, int] = {
    Call.VIDEO_INIT: 6,
    Call.INBOX_INIT: 6,
    Call.CREATOR_INFO: 20,
    Call.STATUS: 30,
    Call.STATUS_IDLE: 15,
    Call.CANCEL: 6,  # none is documented
    Call.VIDEO_LIST: 30,  # of 600 (fact sheet 2), which people who look at the list have for themselves
    Call.VIDEO_QUERY: 30,  # of 600
    Call.USER_INFO: 30,  # of 600, as with the list
}
MOST_PER_MINUTE = 600
"""TikTok's own for what it limits least."""
TIMEOUT_S: dict[Call, float] = {
    Call.VIDEO_INIT: 30.0,
    Call.INBOX_INIT: 30.0,
    Call.CREATOR_INFO: 20.0,
    Call.STATUS: 20.0,
    Call.STATUS_IDLE: 20.0,
    Call.CANCEL: 20.0,
    Call.VIDEO_LIST: 20.0,
    Call.VIDEO_QUERY: 20.0,
    Call.USER_INFO: 20.0,
}
"""Each shorter than the lease of whoever calls."""


def read_limits(text: str) -> dict[Call, int]:
    """TikTok's numbers with others in their place, for an app that was given them: `video_init=12,creator_info=40`.

    Raises ValueError that names what is no call or no number.
    """
    limits = dict(PER_MINUTE)
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, number = part.partition("=")
        if name not in _SETTABLE:
            raise ValueError(f"{name[:40]!r} is none of {', '.join(_SETTABLE)}")
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST_PER_MINUTE):
            raise ValueError(f"{name} is a whole number from 1 to {MOST_PER_MINUTE}")
        limits[Call(name)] = int(number)
    return limits


def usable_limits(text: str) -> str:
    """For settings: raises ValueError unless `read_limits` can read it."""
    read_limits(text)
    return text


_SETTABLE = tuple(str(call) for call in Call if call is not Call.STATUS_IDLE)
