"""Every code of TikTok's becomes one of three ways on, and none of them is success."""

import re

import pytest

from libs.media import errors
from libs.model.cap import CODES
from libs.tiktok.errors import NoReply, Refused, ServerTrouble, TikTokError, Unreadable, WrongLength
from libs.tiktok.readings import TABLE, Class, Source, read_code
from libs.tiktok.wire import Trace
from services.publisher.verdict import Retry, Stop, Wait, failure, judge

TRACE = Trace("video_init", 7, None, "")
RETRIED = {Class.RETRY, Class.REFRESH, Class.OK}


def refusal(code: str) -> Refused:
    return Refused("said", trace=Trace("video_init", 7, 403, "L1"), code=code, reading=read_code(code))


@pytest.mark.row("SS-71", "BO-48", "BO-50", "BO-52", "BO-54")
@pytest.mark.parametrize("code", [code for source, code in TABLE if source is Source.CODE] + ["never_seen"])
def test_every_code_is_retried_waited_for_or_final_with_its_word_and_log_id(code: str) -> None:
    verdict, kind = judge(refusal(code)), read_code(code).kind

    match verdict:
        case Retry():
            assert kind in RETRIED and verdict.code == code
        case Wait():
            assert kind in (Class.WAIT_CAP, Class.RATE_LIMITED)
        case Stop(problem):
            assert kind not in (*RETRIED, Class.WAIT_CAP, Class.RATE_LIMITED)
            assert problem.upstream == {"code": code, "log_id": "L1"}
            assert problem.remedy


@pytest.mark.parametrize(
    "reason", [code for source, code in TABLE if source is Source.FAIL_REASON] + ["never_seen", ""]
)
def test_every_fail_reason_is_worth_another_init_or_final(reason: str) -> None:
    reading = TABLE.get((Source.FAIL_REASON, reason))
    read = failure(reason)

    assert read.remedy
    assert read.retry == (reading is not None and reading.kind in (Class.RETRY, Class.WAIT_CAP, Class.RATE_LIMITED))


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (NoReply("reset", trace=TRACE, sent=True), "no_reply"),
        (Unreadable("not JSON", trace=TRACE), "unreadable_reply"),
        (WrongLength("short", trace=TRACE), "wrong_length"),
        (ServerTrouble("", trace=TRACE, code=""), "server_trouble"),
        (ServerTrouble("", trace=TRACE, code="internal_error"), "internal_error"),
    ],
)
def test_what_went_wrong_has_a_stable_word_that_is_no_name_of_ours(error: TikTokError, word: str) -> None:
    verdict = judge(error)

    assert (error.word, isinstance(verdict, Retry) and verdict.code) == (word, word)


def test_every_trouble_with_media_has_a_stable_word() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MediaError)]

    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.word) for kind in kinds)
    assert len({kind.word for kind in kinds}) == len(kinds) - 2, "all but the two that only group others"


def test_every_cap_of_tiktoks_is_one_that_is_learned() -> None:
    caps = {code for (source, code), reading in TABLE.items() if reading.kind is Class.WAIT_CAP}

    assert caps == set(CODES)
