"""Small rules of the simulated TikTok, each as a value."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.clock import ManualClock
from libs.runtime.settings import load
from services.simulator.clock import VirtualClock
from services.simulator.engine.webhook import backoff_s
from services.simulator.knobs import Knobs, parse_knobs
from services.simulator.log import blot
from services.simulator.settings import SimulatorSettings
from services.simulator.world.agenda import Agenda
from services.simulator.world.ids import Ids
from services.simulator.world.media_rule import Facts, judge_photo, judge_video
from services.simulator.world.redirect import redirect_matches, redirect_problem
from services.simulator.world.table import Table
from services.simulator.world.window import Windows

START = datetime(2026, 2, 4, tzinfo=UTC)
KNOBS = Knobs()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# Clock


async def test_a_sleeper_wakes_when_time_jumps_and_not_while_it_is_frozen() -> None:
    inner = ManualClock(START)
    clock = VirtualClock(inner, start=at(1000))
    sleeper = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)

    clock.freeze()
    inner.advance(100)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not sleeper.done() and clock.now() == at(1000)

    clock.advance(59)
    clock.thaw()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not sleeper.done()
    inner.advance(1)
    await sleeper
    assert clock.now() == at(1060) and clock.version == 3


async def test_a_follower_hears_the_next_jump_and_time_never_goes_back() -> None:
    clock = VirtualClock(ManualClock(START))
    follower = asyncio.create_task(clock.jump())
    await asyncio.sleep(0)
    clock.advance(5)
    await follower

    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


@given(st.lists(st.tuples(st.sampled_from(("advance", "freeze", "thaw", "inner")), st.floats(0, 1e6)), max_size=30))
def test_no_mix_of_switches_turns_time_back(moves: list[tuple[str, float]]) -> None:
    inner = ManualClock(START)
    clock = VirtualClock(inner)
    last = clock.now()
    for move, seconds in moves:
        match move:
            case "advance":
                clock.advance(seconds)
            case "freeze":
                clock.freeze()
            case "thaw":
                clock.thaw()
            case _:
                inner.advance(seconds)
        assert clock.now() >= last
        last = clock.now()


# Agenda, windows, tables, ids


def test_what_is_due_happens_in_order_and_as_of_its_time() -> None:
    agenda = Agenda()
    done: list[tuple[str, datetime]] = []
    agenda.at(at(5), lambda due: done.append(("five", due)))
    agenda.at(at(1), lambda due: agenda.after(due, 2, lambda later: done.append(("three", later))))
    agenda.at(at(4), lambda due: done.append(("never", due))).cancel()
    agenda.at(at(60), lambda due: done.append(("later", due)))

    agenda.run_due(at(10))

    assert done == [("three", at(3)), ("five", at(5))]
    assert agenda.next_due() == at(60)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 8))
def test_no_window_of_a_minute_ever_holds_more_than_the_limit(gaps: list[float], limit: int) -> None:
    windows, now, taken = Windows(), START, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        before = [t for t in taken if t > now - timedelta(seconds=60)]
        got = windows.take(("token", "endpoint"), limit=limit, now=now)
        assert got is (len(before) < limit)
        taken += [now] if got else []


def test_windows_forget_the_least_recent_key_when_there_are_too_many() -> None:
    windows = Windows(most=2)
    for key in ("a", "b", "a", "c"):
        windows.take((key, ""), limit=2, now=START)
    assert [windows.take((key, ""), limit=2, now=START) for key in ("a", "c", "b")] == [False, True, True]


def test_a_table_lets_the_oldest_free_row_go_first_and_stays_bounded() -> None:
    table: Table[int, str] = Table(3, may_go=lambda row: row == "free")
    for key, row in enumerate(("busy", "free", "busy", "busy", "busy")):
        table.add(key, row)
    assert [key for key in range(5) if table.get(key)] == [2, 3, 4]
    assert table.evicted == 2 and len(table) == 3


@given(st.lists(st.floats(0, 1e5), max_size=200))
def test_ids_rise_have_19_digits_and_are_never_reused(gaps: list[float]) -> None:
    ids, now, seen = Ids(1), START, [0]
    for gap in gaps:
        now += timedelta(seconds=gap)
        number = ids.number(now)
        assert number > seen[-1] and len(str(number)) == 19 and 1 << 53 < number < 1 << 63
        seen.append(number)


def test_the_same_seed_gives_the_same_tokens() -> None:
    first, second, other = (Ids(seed) for seed in (7, 7, 8))
    assert first.token("act.") == second.token("act.") != other.token("act.")
    assert "*" in first.code() and "!" in first.code()


# Rules


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"container": "mov"}, None),
        ({"container": "matroska"}, "file_format_check_failed"),
        ({"codec": "av1"}, "file_format_check_failed"),
        ({"problem": "truncated"}, "file_format_check_failed"),
        ({"width": 359}, "picture_size_check_failed"),
        ({"height": 4097}, "picture_size_check_failed"),
        ({"width": 4096, "height": 360}, None),
        ({"fps": 22.9}, "frame_rate_check_failed"),
        ({"fps": 24000 / 1001}, None),
        ({"fps": 60.5}, "frame_rate_check_failed"),
        ({"duration_s": 600.04}, None),
        ({"duration_s": 601}, "duration_check_failed"),
        ({"duration_s": 0.9}, "duration_check_failed"),
    ],
)
def test_videos_are_judged_by_their_first_fault(facts: dict[str, object], reason: str | None) -> None:
    usual = {"container": "mp4", "codec": "h264", "width": 1080, "height": 1920, "fps": 30, "duration_s": 10}
    assert judge_video(Facts.of({**usual, **facts}, size=1), creator_max_s=3600, knobs=KNOBS) == reason


def test_a_creators_own_limit_counts_too() -> None:
    facts = Facts("mp4", "h264", 1080, 1920, 30, 301, 1)
    assert judge_video(facts, creator_max_s=300, knobs=KNOBS) == "duration_check_failed"


@pytest.mark.parametrize(
    ("size", "good"),
    [((1080, 1920), True), ((1920, 1080), True), ((941, 1672), True), ((1254, 1254), False), ((1086, 1448), False),
     ((1080, 1921), False), ((1, 1), True)],
)  # fmt: skip
def test_photos_must_fit_1080_by_1920_either_way(size: tuple[int, int], good: bool) -> None:
    facts = Facts("jpeg", "mjpeg", *size, size=20_000_000)
    assert (judge_photo(facts) is None) is good


@given(st.text(max_size=600))
def test_any_text_is_a_redirect_uri_or_has_a_problem(uri: str) -> None:
    assert redirect_problem(uri) is None or not redirect_matches(uri, (uri,))


@given(st.integers(1, 200), st.floats(0, 0.999))
def test_backoff_grows_to_its_limit_within_its_jitter(attempt: int, dice: float) -> None:
    wait = backoff_s(attempt, first_s=5, most_s=21_600, dice=dice)
    plain = min(5 * 2 ** (attempt - 1), 21_600)
    assert 0.8 * plain <= wait <= 1.2 * plain


def test_the_log_blots_out_secrets_to_any_depth() -> None:
    shown = blot({"a": [{"access_token": "act.x", "upload_url": "http://h/upload?upload_id=1&upload_token=s3cret&x=1"}],
                  "code": "c", "refresh_token": ""})  # fmt: skip
    assert "act.x" not in str(shown) and "s3cret" not in str(shown) and "&x=1" in str(shown)
    assert shown["code"] == "***" and shown["refresh_token"] == ""


# Knobs and settings


def test_every_knob_has_a_description_and_can_be_set_from_the_environment() -> None:
    assert all(field.description for field in Knobs.model_fields.values())
    text = "audited=true, public_id_delay_s=null,chunk_min_bytes=5000000,param_error=invalid_param"
    knobs = load(SimulatorSettings, {"SIMULATOR_KNOBS": text}).simulator_knobs
    assert (knobs.audited, knobs.public_id_delay_s, knobs.chunk_min_bytes) == (True, None, 5_000_000)
    assert knobs.param_error == "invalid_param" and knobs.changed({"audited": False}).audited is False


@pytest.mark.parametrize("text", ["audited", "nope=1", "limit_init=-1", "oauth_error_status=500"])
def test_wrong_knobs_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Knobs().changed(parse_knobs(text))
