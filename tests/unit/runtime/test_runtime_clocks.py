"""Clocks: shared time corrects, virtual time is followed, and nobody waits for a real second."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from libs.runtime.clock import ManualClock, SyncedClock
from libs.runtime.follow import FollowedClock, open_clock
from libs.runtime.settings import ProgramSettings, SettingsError, load, mask_url, summary
from services.simulator.app import build
from services.simulator.settings import SimulatorSettings
from tests.eventually import eventually

NOON = datetime(2026, 2, 4, 12, tzinfo=UTC)


def test_a_synced_clock_takes_the_shared_time_and_says_how_far_it_was_off() -> None:
    clock = SyncedClock(ManualClock(NOON))

    clock.correct(shared=NOON + timedelta(seconds=31), sent=NOON, received=NOON + timedelta(seconds=2))

    assert clock.now() == NOON + timedelta(seconds=30)
    assert clock.error == 30.0


def test_a_second_reading_finds_nothing_to_correct() -> None:
    clock = SyncedClock(ManualClock(NOON))
    clock.correct(shared=NOON + timedelta(seconds=31), sent=NOON, received=NOON)

    clock.correct(shared=clock.now(), sent=clock.now(), received=clock.now())

    assert clock.error == 0.0
    assert clock.now() == NOON + timedelta(seconds=31)


def test_a_slow_answer_that_says_nothing_against_a_clock_does_not_move_it() -> None:
    clock = SyncedClock(ManualClock(NOON))

    for late in (0.0, 0.3, 1.9, 2.0):
        sent = clock.now()
        clock.correct(shared=sent + timedelta(seconds=late), sent=sent, received=sent + timedelta(seconds=2))

        assert (clock.now(), clock.error) == (NOON, 0.0), "moved back, what is made next would sort before the last"


async def test_sleepers_of_a_manual_clock_wake_in_the_order_of_their_times() -> None:
    clock, woken = ManualClock(NOON), list[int]()

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (30, 10, 20):
            group.create_task(sleeper(seconds))
        await asyncio.sleep(0)
        clock.advance(15)
        await eventually(lambda: woken == [10])
        clock.advance(15)

    assert woken == [10, 20, 30]


@pytest.mark.waits_long
async def test_programs_follow_a_simulator_through_jumps_and_frozen_time() -> None:
    settings = load(SimulatorSettings, {"SIMULATOR_PORT": "0", "SIMULATOR_CLOCK": "2030-01-01T00:00:00+00:00"})
    async with build(settings) as simulator, open_clock(simulator.url, tiktok_api_url=simulator.url) as clock:
        assert clock.now().year == 2030

        simulator.clock.freeze()
        simulator.clock.advance(86_400 * 400)

        await eventually(lambda: clock.now() == simulator.clock.now())
        assert clock.now().year == 2031


async def test_a_sleeper_of_a_followed_clock_wakes_when_time_jumps_past_it() -> None:
    clock = FollowedClock()
    clock.read({"now": NOON.isoformat(), "frozen": True, "version": 1})
    sleeping = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)

    clock.read({"now": (NOON + timedelta(hours=2)).isoformat(), "frozen": True, "version": 2})

    async with asyncio.timeout(5):
        await sleeping


@pytest.mark.parametrize(
    ("clock", "tiktok"),
    [
        ("http://127.0.0.1:8090", "https://open.tiktokapis.com"),
        ("http://clock.example", "http://127.0.0.1:8090"),
        ("http://127.0.0.1:8090", "http://127.0.0.1.example"),
    ],
)
def test_virtual_time_never_meets_a_tiktok_that_is_not_on_this_machine(clock: str, tiktok: str) -> None:
    with pytest.raises(SettingsError, match="CLIPWIRE_CLOCK"):
        open_clock(clock, tiktok_api_url=tiktok)


def test_every_bad_setting_is_named_and_no_value_is_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        load(SimulatorSettings, {"SIMULATOR_PORT": "99999", "SIMULATOR_HISTORY": "hunter2"})

    assert "SIMULATOR_PORT" in str(caught.value)
    assert "SIMULATOR_HISTORY" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_summary_shows_urls_without_their_passwords() -> None:
    shown = summary(load(ProgramSettings, {"TIKTOK_API_URL": "https://me:secret@host/x"}))

    assert shown["tiktok_api_url"] == "https://me:***@host/x"
    assert mask_url("postgresql://u:p%40ss@h:1/d") == "postgresql://u:***@h:1/d"
