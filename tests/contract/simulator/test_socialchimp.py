"""What only PyPI `socialchimp` does, and how the simulator takes it; the suite it passes is `test_clients.py`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.simulator.box import Box, open_box
from tests.contract.simulator.clips import film
from tests.contract.simulator.consent import person
from tests.contract.simulator.driver import Refused, Socialchimp

SCOPES = ("user.info.basic", "user.info.profile", "video.upload", "video.publish")


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box(check_media=True, processing_s=0) as opened:
        await opened.account(username="anna", connect=False)
        yield opened


@pytest.fixture
async def chimp(box: Box) -> AsyncIterator[Socialchimp]:
    made = Socialchimp(box.url, box.clock)
    yield made
    await made.close()


async def test_its_default_scopes_lack_the_one_for_username(box: Box, chimp: Socialchimp) -> None:
    """It asks for `username` with user.info.basic alone; the sheet puts it under user.info.profile (a knob)."""
    with pytest.raises(Refused):
        await chimp.connect(person(box, "anna"), scopes=())
    (call,) = (await box.sim("GET", "calls?endpoint=user/info"))["calls"]
    assert (call["status"], call["code"]) == (400, "scope_permission_missed")

    await box.turn(username_scope="basic")

    assert (await chimp.connect(person(box, "anna"), scopes=())).own.extra["username"] == "anna"


async def test_its_plan_for_12_mb_is_refused_with_the_recorded_code(
    box: Box, chimp: Socialchimp, tmp_path: Path
) -> None:
    session = await chimp.connect(person(box, "anna"), scopes=SCOPES)

    with pytest.raises(Refused):
        await chimp.publish(session, film(12, tmp_path))

    (call,) = (await box.sim("GET", "calls?endpoint=video/init"))["calls"]
    assert (call["status"], call["code"]) == (400, "invalid_params")
    assert call["response"]["error"]["message"] == "The chunk size is invalid"
    assert (await box.sim("GET", "publications"))["publications"] == []


async def test_it_repeats_an_init_after_a_lost_reply_and_the_simulator_counts_both(
    box: Box, chimp: Socialchimp, tmp_path: Path
) -> None:
    session = await chimp.connect(person(box, "anna"), scopes=SCOPES)
    await box.sim("POST", "scenarios/init_reply_lost", {})

    await chimp.publish(session, film(3, tmp_path))

    calls = (await box.sim("GET", "calls?endpoint=video/init"))["calls"]
    assert [call["outcome"] for call in calls] == ["reset", "answered"]
    assert len((await box.sim("GET", "publications"))["publications"]) == 2
