"""Every file of the corpus is recognized by its content, and goes out or is refused with the exact field.

Judged by what the publisher asks before an init. Whether all that may be converted come out legal is
`make prove NAME=media`; some are converted in test_media_convert.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.corpus.case import CORPUS, CorpusFile
from libs.media.finding import Probe, Unreadable
from libs.media.fitness import AsIs, Convert, Hopeless, fitness
from libs.media.limits import MediaKind, MediaLimits
from libs.media.probe import probe
from libs.media.rules import worth_converting
from libs.media.workers import Workers
from libs.model.post import Post, PostState
from libs.store.media import Media
from services.publisher.validate import problem_before_init

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime(2026, 2, 4, tzinfo=UTC)
LIMITS = MediaLimits()
NAMED = (
    "mov", "webm", "avi", "mkv", "hevc", "vp9", "variable", "61fps", "1.9s", "601s", "359px", "4097px", "cut", "called",
    "song", "alpha", "moving.gif", "heic", "print", "1086", "turned.jpg", "20MB-and-1", "bomb",
)  # fmt: skip
"""What customers were seen to send."""


def refused_fields(found: Probe | Unreadable, kind: MediaKind, *, times: int = 1) -> list[str]:
    """The fields that the publisher's last look before an init names."""
    request: dict[str, Any] = {"privacy_level": None, "video_cover_timestamp_ms": None, "mode": "inbox", "kind": kind}
    post = Post("post_1", "cus_1", "acc_1", None, "k", request, PostState.QUEUED, 1, NOW, False, NOW, NOW)
    media = Media("med_1", "cus_1", "k", 1, b"", "", asdict(found), NOW)
    problem = problem_before_init(post, [media] * times, None, audited=True)
    return [error.field for error in problem.errors] if problem else []


async def test_the_corpus_has_what_customers_were_seen_to_send() -> None:
    assert len(CORPUS) >= 60
    assert [word for word in NAMED if not any(word in name for name in CORPUS)] == []


@pytest.mark.row("SA-63", "SS-07", "SS-09", "SS-36", "PP-27", "PP-36")
@pytest.mark.parametrize("name", CORPUS)
async def test_every_file_goes_out_or_is_refused_before_init_with_the_exact_field(
    name: str, corpus_file: CorpusFile, workers: Workers
) -> None:
    case = CORPUS[name]
    kind: MediaKind = "photo" if case.kind == "photo" else "video"

    found = await probe(corpus_file(name), workers=workers)

    assert found.kind == case.kind, found
    if isinstance(found, Unreadable):
        assert {found.reason} == case.wrong
        assert str(corpus_file(name).parent) not in found.detail
    else:
        assert found.truncated is ("truncated" in case.wrong)
        assert found.size == corpus_file(name).stat().st_size
    wrong = {"content"} if isinstance(found, Unreadable) else case.wrong
    assert set(refused_fields(found, kind)) == {f"media.0.{field}" for field in wrong}
    match fitness(found, kind=kind, limits=LIMITS, convert=True):
        case AsIs():
            assert not wrong
        case Convert(why=why):
            assert case.mendable
            assert isinstance(found, Unreadable) or set(why) == wrong | set(worth_converting(found))
        case Hopeless() as verdict:
            assert not case.mendable
            assert {error.field for error in verdict.errors("media.0")} <= {f"media.0.{field}" for field in wrong}
    untouched = fitness(found, kind=kind, limits=LIMITS, convert=False)
    assert isinstance(untouched, Hopeless) is bool(wrong)


@pytest.mark.row("SS-05", "PP-01")
async def test_thirty_five_photos_go_out_and_thirty_six_do_not(corpus_file: CorpusFile, workers: Workers) -> None:
    found = await probe(corpus_file("portrait.jpg"), workers=workers)

    assert refused_fields(found, "photo", times=35) == []
    assert refused_fields(found, "photo", times=36) == ["media"]
