"""The page of TikTok's rules says all that is checked, in the words of the checks."""

import html

import pytest

from libs.media.finding import VideoProbe
from libs.media.limits import RULES, MediaLimits
from libs.media.rules import violations
from libs.model.capability import CAPABILITIES, UNSUPPORTED
from libs.tiktok.readings import TABLE, Class
from services.api.app import ROUTES
from services.api.openapi.document import openapi
from services.api.openapi.prose import line
from services.api.openapi.rules import MEANINGS, PLACES, WAYS, rules


@pytest.fixture(scope="module")
def page() -> str:
    return rules(openapi(ROUTES)).decode()


@pytest.mark.row("SA-32")
def test_every_code_of_tiktoks_is_on_the_page_with_what_to_do(page: str) -> None:
    assert set(PLACES) == {source for source, _ in TABLE} and set(MEANINGS) == set(Class) - {Class.UNKNOWN}
    for (_, code), reading in TABLE.items():
        if reading.kind is not Class.OK:
            meaning, remedy = line(MEANINGS[reading.kind]), line(reading.remedy)
            assert f"<td><code>{code}</code></td><td>{meaning}</td><td>{remedy}</td>" in page, code


@pytest.mark.row("SA-32", "SS-56")
def test_every_rule_of_media_is_on_the_page_in_the_words_a_broken_one_is_told_in(page: str) -> None:
    for (kind, field), rule in RULES.items():
        mended = "converted" if rule.convertible else "refused"
        assert f"<td>{field}</td><td>{html.escape(rule.told(MediaLimits()))}</td><td>{mended}" in page, (kind, field)

    bad = VideoProbe(
        size=5_000_000_000, container="avi", mime="video/avi", codec="mpeg4", profile=None, pixel_format=None, width=10,
        height=9_000, rotation=0, duration_ms=1, frames=1, average_frame_rate=5.0, nominal_frame_rate=None,
        variable_frame_rate=False, audio_codec=None, audio_channels=None, audio_sample_rate=None, truncated=True,
        damaged=True,
    )  # fmt: skip
    broken = violations(bad, kind="video", limits=MediaLimits())
    assert {one.field for one in broken} == {field for kind, field in RULES if kind == "video"}
    for one in broken:
        assert f"<td>{one.field}</td><td>{html.escape(one.limit)}</td>" in page


@pytest.mark.row("SA-32")
def test_every_field_of_a_post_is_on_the_page(page: str) -> None:
    for name in openapi(ROUTES)["components"]["schemas"]["PostNew"]["properties"]:
        assert f"<td><code>{name}</code>" in page


@pytest.mark.row("BO-21")
def test_the_three_ways_to_tiktok_say_what_they_are_best_for_and_what_governs_them(page: str) -> None:
    assert [way for way, *_ in WAYS] == ["REST v2", "Webhooks", "Research API"]
    for way, best, governed, _ in WAYS:
        assert f"<td><b>{way}</b></td><td>{line(f'Best for {best}. Governed by {governed}.')}</td>" in page


@pytest.mark.row("BO-23")
def test_what_tiktok_opens_to_approved_applicants_only_is_marked_so() -> None:
    assert {one.name for one in CAPABILITIES if one.gated} == {"direct_messages", "research"}
    assert all(one in UNSUPPORTED.values() for one in CAPABILITIES if one.gated)
    assert UNSUPPORTED["research"].refusal().as_dict()["gated"] is True
