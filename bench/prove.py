"""`python -m bench.prove`: runs fault campaigns, prints their report, writes it as JSON, and says by its exit code
whether every promise was kept (0), one was broken (1), or a campaign could not be run (2).

`--name all --scale small` runs every campaign of `CAMPAIGNS` in minutes, which is what CI does. Where no RabbitMQ can
be had, that leaves out what needs one and names it at the end; `REQUIRE_RABBITMQ=1` makes it a failure.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.campaign import (
    backing,
    burst,
    caps,
    chunks,
    copies,
    keys,
    kills,
    leaks,
    looks,
    media,
    noisy,
    notifier,
    order,
    signatures,
)
from bench.campaign.errors import CampaignError
from bench.campaign.report import Part
from bench.every import DAY_S, LIMIT_S, play_every
from bench.publish import campaign as publish
from bench.refresh import campaign as refresh
from deploy.backing import rabbit_program
from deploy.errors import DeployError, Unsupported
from deploy.rabbitmq import RabbitProgram
from libs.runtime import logs

ALL = "all"
SMALL = "small"
RABBITMQ, MEMORY = "rabbitmq", "memory"
OUT = Path(".clipwire/prove")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One pass of a campaign. `rabbit` is None where the pass has no RabbitMQ; `keep` leaves logs and data."""

    scale: float
    seed: int
    keep: bool
    rabbit: RabbitProgram | None
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Campaign:
    """What `--name` runs: one pass for each of its `brokers`."""

    play: Callable[[Wanted], Awaitable[Part]]
    small: float
    """What `--scale small` is for it: over in a minute or so, with every promise judged on something."""
    promises: int
    """How many a pass judges at least: one that judged fewer was cut short, and has kept nothing."""
    brokers: tuple[str, ...] = (MEMORY,)


class Plain(Protocol):
    """A campaign that leaves nothing behind to look at."""

    def __call__(self, *, scale: float, seed: int, say: Callable[[str], None]) -> Awaitable[Part]: ...


class Keeping(Protocol):
    """One whose logs and data can be kept."""

    def __call__(self, *, scale: float, seed: int, say: Callable[[str], None], keep: bool) -> Awaitable[Part]: ...


def _plain(run: Plain) -> Callable[[Wanted], Awaitable[Part]]:
    return lambda w: run(scale=w.scale, seed=w.seed, say=w.say)


def _kept(run: Keeping) -> Callable[[Wanted], Awaitable[Part]]:
    return lambda w: run(scale=w.scale, seed=w.seed, say=w.say, keep=w.keep)


CAMPAIGNS: Mapping[str, Campaign] = {
    "keys": Campaign(_kept(keys.run), small=0.01, promises=24),
    "looks": Campaign(_kept(looks.run), small=0.1, promises=6),
    "burst": Campaign(_kept(burst.run), small=0.04, promises=9),
    "kills": Campaign(
        lambda w: kills.run(scale=w.scale, seed=w.seed, rabbit=w.rabbit, say=w.say, keep=w.keep),
        small=0.01,
        promises=21,
        brokers=(RABBITMQ, MEMORY),
    ),
    "backing": Campaign(
        lambda w: backing.run(scale=w.scale, seed=w.seed, rabbit=_some(w.rabbit), say=w.say, keep=w.keep),
        small=0.01,
        promises=21,
        brokers=(RABBITMQ,),
    ),
    "signatures": Campaign(_plain(signatures.run), small=0.01, promises=6),
    "media": Campaign(_plain(media.run), small=0.01, promises=7),
    "publish": Campaign(_kept(publish.run), small=0.02, promises=12),
    "refresh": Campaign(_kept(refresh.run), small=0.02, promises=17),
    "order": Campaign(_kept(order.run), small=0.0025, promises=9),
    "noisy": Campaign(_kept(noisy.run), small=0.02, promises=2),
    "notifier": Campaign(_kept(notifier.run), small=0.01, promises=11),
    "leaks": Campaign(_plain(leaks.run), small=0.05, promises=19),
    "chunks": Campaign(_kept(chunks.run), small=0.15, promises=6),
    "caps": Campaign(_kept(caps.run), small=0.25, promises=15),
    "copies": Campaign(_kept(copies.run), small=0.05, promises=5),
}
"""Every campaign there is: what stands here is what `--name` takes, and what CI runs small, in this order: the longest
first, because beside the last of them nothing is left to play."""


def main(argv: Sequence[str] | None = None) -> int:
    wanted = _parser().parse_args(argv)
    if wanted.name == ALL:
        return asyncio.run(_every(wanted))
    logs.configure(level="warning")  # of programs that a campaign runs in this process
    began = time.monotonic()
    outcome = asyncio.run(
        play(
            wanted.name,
            CAMPAIGNS[wanted.name],
            scale=wanted.scale,
            seed=wanted.seed,
            broker=wanted.broker,
            keep=wanted.keep,
            spare=wanted.spare,
        )
    )
    path = Path(wanted.out) / f"{wanted.name}-seed{wanted.seed}-scale{_text(wanted.scale)}.json"
    code = conclude(outcome, path)
    print(f"{time.monotonic() - began:.0f} s; {path}")
    return code


async def _every(wanted: argparse.Namespace) -> int:
    options = ["--scale", _text(wanted.scale), "--seed", str(wanted.seed), "--broker", wanted.broker]
    options += ["--out", wanted.out, "--spare", *(["--keep"] if wanted.keep else [])]
    commands = [(name, [sys.executable, "-m", "bench.prove", "--name", name, *options]) for name in CAMPAIGNS]
    return await play_every(commands, limit_s=LIMIT_S if wanted.scale == SMALL else DAY_S, say=_say)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was judged, what could not be run, and what was left out for want of a RabbitMQ."""

    parts: Sequence[Part] = ()
    failed: Sequence[str] = ()
    spared: Sequence[str] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome((*self.parts, *other.parts), (*self.failed, *other.failed), (*self.spared, *other.spared))


async def play(
    name: str, campaign: Campaign, *, scale: float | str, seed: int, broker: str, keep: bool, spare: bool
) -> Outcome:
    """A campaign's passes, one after the other. `spare` leaves out what needs a RabbitMQ where none can be had."""
    size = campaign.small if isinstance(scale, str) else scale
    outcome = Outcome()
    for used in campaign.brokers:
        if broker not in (used, "both") and len(campaign.brokers) > 1:
            continue
        what = f"{name} with {used}" if len(campaign.brokers) > 1 else name
        try:
            rabbit = await asyncio.to_thread(rabbit_program, os.environ, say=_say) if used == RABBITMQ else None
        except Unsupported as error:
            spared = spare and os.environ.get("REQUIRE_RABBITMQ") != "1"
            outcome += Outcome(spared=[f"{what}: {error}"]) if spared else Outcome(failed=[f"{what}: {error}"])
            continue
        try:
            part = await campaign.play(Wanted(size, seed, keep, rabbit, _say))
        except (CampaignError, DeployError) as error:
            outcome += Outcome(failed=[f"{what}: {error}"])
            continue
        judged = len(part.promises)
        part.hold("every promise was judged", judged >= campaign.promises, f"{judged} of at least {campaign.promises}")
        outcome += Outcome([part])
    return outcome


def conclude(outcome: Outcome, path: Path) -> int:
    """Prints the report and writes it to `path` as JSON; the exit code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"parts": [part.as_dict() for part in outcome.parts], "failed": outcome.failed, "spared": outcome.spared}
    path.write_text(json.dumps(report, indent=2, default=str) + "\n")
    for part in outcome.parts:
        print(f"\n{part.text()}")
    broken = [part.name for part in outcome.parts if not part.kept]
    if outcome.parts:
        print("Every promise was kept." if not broken else f"BROKEN: {'; '.join(broken)}.")
    for line in outcome.spared:
        print(f"Left out: {line}.")
    for line in outcome.failed:
        print(f"prove: {line}", file=sys.stderr)
    if outcome.failed or not (outcome.parts or outcome.spared):
        return 2
    return 1 if broken else 0


def _some(rabbit: RabbitProgram | None) -> RabbitProgram:
    assert rabbit is not None, "a pass with RabbitMQ has one"
    return rabbit


def _say(line: str) -> None:
    print(line, flush=True)


def _text(scale: float | str) -> str:
    return scale if isinstance(scale, str) else f"{scale:g}"


def _scale(text: str) -> float | str:
    return text if text == SMALL else float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.prove", description=__doc__)
    parser.add_argument("--name", choices=(*CAMPAIGNS, ALL), default="kills")
    parser.add_argument(
        "--scale", type=_scale, default=1.0, help="1 is the full campaign; small is as much as shows that it works"
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed plans the same posts, webhooks and strikes")
    parser.add_argument(
        "--broker", choices=("both", RABBITMQ, MEMORY), default="both", help="which passes to run, where there are two"
    )
    parser.add_argument("--keep", action="store_true", help="leave logs and data also when every promise was kept")
    parser.add_argument("--spare", action="store_true", help="leave out what needs a RabbitMQ where none can be had")
    parser.add_argument("--out", default=str(OUT), help="folder for the JSON report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
