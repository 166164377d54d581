"""The fault campaigns' plans, their reports, and that none of them can be forgotten: CI plays each one small."""

import asyncio
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import bench
from bench import prove
from bench.campaign import judges, order, script, signatures
from bench.campaign.errors import Misplayed
from bench.campaign.report import Part, Promise, Table
from bench.every import play_every
from bench.publish import plan

ROOT = Path(bench.__file__).parent.parent


def campaigns() -> Iterator[ModuleType]:
    """The modules that have a `run` with a scale and a seed."""
    for found in pkgutil.walk_packages(bench.__path__, "bench."):
        module = importlib.import_module(found.name)
        run = getattr(module, "run", None)
        if inspect.iscoroutinefunction(run) and {"scale", "seed"} <= inspect.signature(run).parameters.keys():
            yield module


def test_every_campaign_is_registered() -> None:
    known = {module.__name__ for module in vars(prove).values() if inspect.ismodule(module)}
    found = {module.__name__ for module in campaigns()}
    assert found and found <= known
    assert len(prove.CAMPAIGNS) == len(found)


def test_ci_plays_every_campaign() -> None:
    assert "make prove NAME=all SCALE=small" in (ROOT / ".ci" / "run").read_text()


class Played:
    """A campaign that keeps so many promises, or cannot be played, and what was wanted of it."""

    def __init__(self, promises: int) -> None:
        self.wanted: list[prove.Wanted] = []
        self._promises = promises

    async def __call__(self, wanted: prove.Wanted) -> Part:
        self.wanted.append(wanted)
        if not self._promises:
            raise Misplayed("the scene was not set")
        return Part("played", [Promise(f"promise {n}", True, "") for n in range(self._promises)])


@pytest.mark.parametrize(("promises", "code"), [(3, 0), (2, 1), (0, 2)])
def test_a_campaign_that_judged_too_little_is_broken_and_one_that_could_not_be_played_is_worse(
    promises: int, code: int, tmp_path: Path
) -> None:
    played = Played(promises)
    one = prove.Campaign(played, small=0.125, promises=3)

    outcome = asyncio.run(prove.play("one", one, scale=prove.SMALL, seed=5, broker="both", keep=False, spare=True))

    assert prove.conclude(outcome, tmp_path / "one.json") == code
    [wanted] = played.wanted
    assert (wanted.scale, wanted.seed, wanted.rabbit) == (0.125, 5, None)


def test_the_same_seed_plans_the_same_campaign_and_another_seed_another() -> None:
    size = script.size(1)
    for planned in (script.plan_posts, script.plan_hooks, script.plan_strikes, script.plan_outages):
        assert planned(size, seed=7) == planned(size, seed=7)
        assert planned(size, seed=7) != planned(size, seed=8)


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


def test_a_thousand_posts_are_struck_at_every_step_in_every_way_and_no_round_asks_for_more_than_can_be_held() -> None:
    runs = plan.plan_runs(scale=1, seed=7)
    rounds = plan.plan_rounds(runs)

    assert runs == plan.plan_runs(scale=1, seed=7) != plan.plan_runs(scale=1, seed=8)
    assert len(runs) >= 1_000
    struck = {(run.kind, run.step, run.way) for run in runs}
    assert struck == {(kind, step, way) for kind, steps in plan.STEPS.items() for step in steps for way in step.ways}
    assert sorted(run.n for each in rounds for run in each.runs) == [run.n for run in runs]
    assert all(run.way.tactic is each.tactic for each in rounds for run in each.runs)
    for each in rounds:
        held = [run for run in each.runs if run.step.point and each.tactic is not plan.Tactic.QUICK]
        assert len(held) <= plan.HELD_SAVES
        assert sum(1 for run in held if run.step is plan.SETTLED) <= plan.PUBLISHERS


def test_a_broken_promise_is_shown_and_written_and_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, lost = Promise("nothing is doubled", True, "none"), Promise("nothing is lost", False, "1 lost")
    flow = Table("Flow", ("what", "n"), [("posts", 3_000)])
    assert prove.conclude(prove.Outcome([Part("a pass", [kept], [flow])]), tmp_path / "kept.json") == 0
    assert prove.conclude(prove.Outcome([Part("a pass", [kept, lost], [flow])]), tmp_path / "lost" / "lost.json") == 1
    shown = capsys.readouterr().out
    assert "BROKEN  nothing is lost: 1 lost" in shown
    assert "posts  3,000" in shown
    assert [part["kept"] for part in json.loads((tmp_path / "lost" / "lost.json").read_text())["parts"]] == [False]


def test_a_campaign_that_judged_nothing_has_kept_nothing() -> None:
    assert not Part("a pass").kept


async def test_every_campaign_is_played_though_one_breaks_and_one_never_ends() -> None:
    """The worst of them is the exit code, and each one's whole output is told."""
    ends = {"well": "print('all is', 'well')", "broken": "raise SystemExit(1)", "stuck": "import time; time.sleep(60)"}
    told: list[str] = []

    codes = [
        await play_every(
            [(name, [sys.executable, "-c", ends[name]]) for name in names], limit_s=limit_s, say=told.append, at_once=2
        )
        for names, limit_s in ((["well"], 30.0), (["well", "broken"], 30.0), (["broken", "stuck", "well"], 2.0))
    ]

    assert codes == [0, 1, 2]
    assert sum("all is well" in text for text in told) == 3
    assert "not over within 2 s" in "\n".join(told)


def test_a_whole_campaign_of_signatures_is_not_kept_without_every_judge() -> None:
    enough = dict.fromkeys((*judges.PYTHON, *judges.NODE), signatures.PROMISED)
    without = {judge: count for judge, count in enough.items() if judge not in judges.NODE}
    for scale, looked, kept, noted in [
        (1, enough, [True], 0),
        (1, without, [False], 0),
        (1, enough | {judges.NODE[0]: signatures.PROMISED - 1}, [False], 0),
        (0.01, without, [], 1),
        (0.01, enough, [], 0),
    ]:
        part = Part("signatures")
        signatures.judge_judges(part, looked, scale=scale, why="npm is not on this machine")
        assert ([promise.kept for promise in part.promises], len(part.notes)) == (kept, noted)


def test_a_replay_is_held_to_its_endpoints_rate_in_every_stretch() -> None:
    assert order.most_within([0.0, 0.5, 1.0, 1.4, 1.6], 1.0) == 3
    assert order.most_within([], 1.0) == 0
    for burst, kept in ((20, True), (21, False)):
        part = Part("order")
        order.judge_pace(part, [5.0] * burst, rate=10.0)
        assert part.promises[0].kept is kept
