"""The fault campaigns at a tiny scale: real processes over private servers, struck a few times.

They run in seconds when nothing is held up; what a strike leaves to a lease may take a minute more.
"""

import json
from pathlib import Path

import pytest

from bench import prove
from bench.campaign import backing, kills, media, order, script
from bench.campaign.report import Part, Promise, Table
from deploy.rabbitmq import RabbitProgram

SCALE = 0.01
LEASES_S = 240


def assert_kept(part: Part) -> None:
    broken = [f"{promise.what}: {promise.found}" for promise in part.promises if not promise.kept]
    assert not broken, part.text()
    assert len(part.promises) > 20


@pytest.mark.waits_long
@pytest.mark.timeout(LEASES_S)
async def test_nothing_is_lost_or_doubled_when_programs_are_killed_and_frozen() -> None:
    assert_kept(await kills.run(scale=SCALE, seed=7, rabbit=None, say=print))


@pytest.mark.rabbitmq
@pytest.mark.waits_long
@pytest.mark.timeout(LEASES_S)
async def test_nothing_is_lost_when_rabbitmq_and_postgres_go_away_and_come_back(
    rabbitmq_program: RabbitProgram,
) -> None:
    assert_kept(await backing.run(scale=SCALE, seed=7, rabbit=rabbitmq_program, say=print))


@pytest.mark.timeout(LEASES_S)
async def test_files_of_the_corpus_are_published_or_refused_before_init_with_the_exact_field() -> None:
    part = await media.run(scale=SCALE, seed=9, say=print)

    assert part.kept, part.text()
    assert {row[1] for row in part.tables[0].rows} == {"published as it is", "published converted", "refused"}


@pytest.mark.waits_long
@pytest.mark.timeout(LEASES_S)
async def test_order_is_kept_and_a_replay_sends_each_once_though_notifiers_are_killed() -> None:
    part = await order.run(scale=0.0025, seed=7, say=print)
    assert part.kept, part.text()


def test_the_same_seed_plans_the_same_campaign_and_another_seed_another() -> None:
    size = script.size(1)
    for plan in (script.plan_posts, script.plan_hooks, script.plan_strikes, script.plan_outages):
        assert plan(size, seed=7) == plan(size, seed=7)
        assert plan(size, seed=7) != plan(size, seed=8)


def test_the_whole_campaign_is_as_large_as_was_promised() -> None:
    size = script.size(1)
    strikes = script.plan_strikes(size, seed=7)
    assert len(script.plan_posts(size, seed=7)) == 300
    assert len(strikes) >= 60
    for target in script.TARGETS:
        ways = {strike.freeze for strike in strikes if strike.target == target}
        assert ways == {True, False}
    leases = {"ingest": 0.0, "publisher": size.leases.publisher, "notifier": size.leases.notifier}
    assert all(strike.seconds > leases[strike.target] for strike in strikes if strike.freeze)
    assert {(outage.server, outage.hard) for outage in script.plan_outages(size, seed=7)} == {
        (server, hard) for server in script.SERVERS for hard in (True, False)
    }


def test_a_broken_promise_is_shown_and_written_and_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, lost = Promise("nothing is doubled", True, "none"), Promise("nothing is lost", False, "1 lost")
    flow = Table("Flow", ("what", "n"), [("posts", 3_000)])
    assert prove.conclude([Part("a pass", [kept], [flow])], tmp_path / "kept.json") == 0
    assert prove.conclude([Part("a pass", [kept, lost], [flow])], tmp_path / "lost" / "lost.json") == 1
    shown = capsys.readouterr().out
    assert "BROKEN  nothing is lost: 1 lost" in shown
    assert "posts  3,000" in shown
    assert [part["kept"] for part in json.loads((tmp_path / "lost" / "lost.json").read_text())["parts"]] == [False]


def test_a_campaign_that_judged_nothing_has_kept_nothing() -> None:
    assert not Part("a pass").kept
