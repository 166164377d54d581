"""What is struck, where and how: runs as values, the same for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from random import Random


class Kind(StrEnum):
    """What is posted. Two chunks take a file of more than 64 MB, so there are fewer of those."""

    UPLOAD = "upload"
    CHUNKS = "upload in chunks"
    PULL = "pull"
    PHOTOS = "photos"

    @property
    def pulled(self) -> bool:
        return self in (Kind.PULL, Kind.PHOTOS)


class Tactic(StrEnum):
    """What has to be done with the publishers for a strike to fall."""

    QUICK = "quick"
    """Nothing: they live on."""
    KILL = "kill"
    FREEZE = "freeze"
    """Until their leases are over and others have gone on; then they wake."""


class Way(StrEnum):
    """How a step is struck. `before`: it never took effect; `after`: it did, and nobody heard."""

    RESET = "reset before"
    TROUBLE = "503 before"
    LOST = "reset after"
    GARBLED = "502 after"
    SILENT = "timeout after"
    KILL_BEFORE = "kill before"
    KILL_AFTER = "kill after"
    KILL_DURING = "kill during"
    """The call is on its way when its caller dies, and takes effect once others have taken over."""
    FREEZE_BEFORE = "freeze before"
    FREEZE_AFTER = "freeze after"

    @property
    def tactic(self) -> Tactic:
        if self.value.startswith("kill"):
            return Tactic.KILL
        return Tactic.FREEZE if self.value.startswith("freeze") else Tactic.QUICK


CALL_WAYS = tuple(Way)
SAVE_WAYS = (Way.RESET, Way.LOST, Way.KILL_BEFORE, Way.KILL_AFTER, Way.FREEZE_AFTER)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a publisher does on the way. A call has its endpoint as TikTok names it, a save its point (`stops`)."""

    name: str
    endpoint: str = ""
    chunk: int | str | None = None
    point: str = ""

    @property
    def ways(self) -> tuple[Way, ...]:
        return SAVE_WAYS if self.point else CALL_WAYS


CREATOR = Step("creator_info", "creator_info/query")
TOKEN = Step("token", "oauth/token")
LAST = Step("last chunk", "upload", "last")
STATUS = Step("status", "status/fetch")
SAVED = {point: Step(f"save: {point}", point=point) for point in
         ("intended", "open", "progressed", "committing", "committed", "published")}  # fmt: skip
SETTLED = SAVED["published"]
"""What was heard becomes the post's state: a save of the settler's, of several posts at once."""


def _steps(kind: Kind) -> tuple[Step, ...]:
    init = Step("init", "content/init" if kind is Kind.PHOTOS else "video/init")
    sending: tuple[Step, ...] = ()
    if not kind.pulled:
        sending = (SAVED["open"], SAVED["committing"], LAST)
    if kind is Kind.CHUNKS:
        sending = (SAVED["open"], Step("first chunk", "upload", 1), SAVED["progressed"], SAVED["committing"], LAST)
    return (CREATOR, SAVED["intended"], TOKEN, init, *sending, SAVED["committed"], STATUS, SETTLED)


STEPS: dict[Kind, tuple[Step, ...]] = {kind: _steps(kind) for kind in Kind}


@dataclass(frozen=True, slots=True)
class Run:
    """One post and its strike. `heard`: TikTok's webhooks about it arrive; else it has to be asked about."""

    n: int
    kind: Kind
    step: Step
    way: Way
    heard: bool
    public: bool

    @property
    def title(self) -> str:
        return f"run {self.n}"


EACH = {Kind.UPLOAD: 5, Kind.CHUNKS: 1, Kind.PULL: 5, Kind.PHOTOS: 5}
"""How often every step of a kind is struck in every way at scale 1."""


def plan_runs(*, scale: float, seed: int) -> list[Run]:
    """At scale 1 every step of every kind in every way, most of them several times; below, a random part of that."""
    random = Random(f"{seed}:runs")
    every = [
        (kind, step, way)
        for kind, steps in STEPS.items()
        for step in steps
        for way in step.ways
        for _ in range(EACH[kind])
    ]
    random.shuffle(every)
    wanted = every * max(1, round(scale)) if scale >= 1 else _part(every, max(4, round(len(every) * scale)))
    return [_run(n, kind, step, way, random) for n, (kind, step, way) in enumerate(wanted)]


def _part(every: Sequence[tuple[Kind, Step, Way]], size: int) -> list[tuple[Kind, Step, Way]]:
    """The first of every kind and tactic in turn, without the large files; real time is not to be waited for."""
    cheap = [one for one in every if one[0] is not Kind.CHUNKS and one[2] is not Way.SILENT]
    groups: dict[tuple[Kind, Tactic], list[tuple[Kind, Step, Way]]] = {}
    for one in cheap:
        groups.setdefault((one[0], one[2].tactic), []).append(one)
    turns = [group[place] for place in range(len(cheap)) for group in groups.values() if place < len(group)]
    return turns[:size]


def _run(n: int, kind: Kind, step: Step, way: Way, random: Random) -> Run:
    heard = step is not STATUS and random.random() < 0.5
    return Run(n, kind, step, way, heard=heard, public=random.random() < 0.5)


@dataclass(frozen=True, slots=True)
class Round:
    """Runs that are on their way together and struck by one hand. `late`: the frozen wake when all is over, and the
    upload URLs are dead; else they wake as soon as others have taken over. `silent`: TikTok's timeouts really pass."""

    tactic: Tactic
    runs: tuple[Run, ...]
    late: bool = False
    silent: bool = False


ROUND_RUNS = {Tactic.QUICK: 60, Tactic.KILL: 48, Tactic.FREEZE: 48}
HELD_SAVES = 18
"""Saves held at once: each keeps one of the thirty connections that all publishers have, and those have to go on."""
PUBLISHERS = 3
"""Each settles one batch of what was heard at a time, so no more of those saves can be held at once."""
ROUND_CHUNKS = 6


def plan_rounds(runs: Sequence[Run]) -> list[Round]:
    """By tactic, within what can be held at once. What takes its own real time goes by itself: calls that time out, and
    those that have to be on their way still when the last of their round has come so far."""
    apart = (Way.SILENT, Way.KILL_DURING)
    rounds = [
        Round(way.tactic, part, late=n % 2 == 1, silent=way is Way.SILENT)
        for way in apart
        for n, part in enumerate(_dealt([run for run in runs if run.way is way], way.tactic))
    ]
    for tactic in Tactic:
        mine = [run for run in runs if run.way.tactic is tactic and run.way not in apart]
        rounds += [Round(tactic, part, late=n % 2 == 1) for n, part in enumerate(_dealt(mine, tactic))]
    return rounds


def _dealt(runs: Sequence[Run], tactic: Tactic) -> list[tuple[Run, ...]]:
    """As few rounds as the bounds allow, each with its share of everything."""
    bounds = [(runs, ROUND_RUNS[tactic]), ([run for run in runs if run.kind is Kind.CHUNKS], ROUND_CHUNKS)]
    if tactic is not Tactic.QUICK:
        bounds.append(([run for run in runs if run.step.point], HELD_SAVES))
        bounds.append(([run for run in runs if run.step is SETTLED], PUBLISHERS))
    count = max(ceil(len(of_them) / most) for of_them, most in bounds)
    ordered = sorted(runs, key=lambda run: (run.step is SETTLED, bool(run.step.point), run.kind is Kind.CHUNKS))
    return [tuple(ordered[n::count]) for n in range(count)]
