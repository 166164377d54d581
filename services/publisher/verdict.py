"""What TikTok's no means for a post: one reading, three ways on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from libs.model.account import reconnect_path
from libs.model.apply import Failure
from libs.model.cap import Full
from libs.model.post import failed_upstream
from libs.model.problem import Problem
from libs.tiktok.errors import NoReply, Refused, TikTokError
from libs.tiktok.readings import Class, Reading, read_fail_reason

CAP_WAIT = timedelta(hours=1)
"""Until the cap is learned from the same answer, and the post gets its slot (`Capped`)."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Trouble that may pass: the same again, after a pause."""

    why: str
    code: str


@dataclass(frozen=True, slots=True)
class Wait:
    """A limit of TikTok's: the same again, when it has room. Spends no try."""

    why: str
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Stop:
    """The post cannot go out as it is."""

    problem: Problem


def judge(error: TikTokError) -> Retry | Wait | Stop:
    """What an error of a call means for the post it was made for. Says nothing about whether it took effect."""
    if not isinstance(error, Refused):
        return Retry(why="no reply" if isinstance(error, NoReply) else str(error), code=error.word)
    match error.reading.kind:
        case Class.RATE_LIMITED:
            return Wait("TikTok's limit of calls per minute", timedelta(minutes=1))
        case Class.WAIT_CAP:
            return Wait(error.reading.remedy, CAP_WAIT)
        case Class.RETRY | Class.REFRESH | Class.OK:
            return Retry(why=error.message or error.code, code=error.code)
        case _:
            problem = failed_upstream(
                code=error.code,
                detail=error.message or error.reading.remedy,
                remedy=_remedy(error.reading),
                log_id=error.log_id or None,
            )
            return Stop(problem)


def _remedy(reading: Reading) -> str:
    if reading.kind is not Class.REAUTHORIZE:
        return reading.remedy
    return f"{reading.remedy} POST {reconnect_path('{id}')} makes a link to send to its creator."


def failure(reason: str, *, full: Full | None = None) -> Failure:
    """The reading of a failed publication's reason, as the model wants it; `full` when it is a cap that was learned."""
    reading = read_fail_reason(reason)
    return Failure(
        code=reason or "unknown",
        detail=f"TikTok ended the post: {reason or 'no reason given'}.",
        remedy=reading.remedy,
        retry=_worth_another_init(reading),
        full=full,
    )


def _worth_another_init(reading: Reading) -> bool:
    match reading.kind:
        case Class.RETRY | Class.WAIT_CAP | Class.RATE_LIMITED:
            return True
        case (
            Class.OK
            | Class.PERMANENT
            | Class.USER_FIXABLE
            | Class.OPERATOR_FIXABLE
            | Class.REAUTHORIZE
            | Class.REFRESH
            | Class.STOP
            | Class.UNKNOWN
        ):
            return False
    assert_never(reading.kind)
