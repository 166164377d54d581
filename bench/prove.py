"""`python -m bench.prove`: runs a fault campaign, prints its report, writes it as JSON, and says by its exit code
whether every promise was kept (0), one was broken (1), or the campaign could not be run (2)."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.campaign import backing, kills
from bench.campaign.errors import CampaignError
from bench.campaign.report import Part

BROKERS = {"both": (True, False), "rabbitmq": (True,), "memory": (False,)}
OUT = Path(".clipwire/prove")


def main(argv: Sequence[str] | None = None) -> int:
    wanted = _parser().parse_args(argv)
    began = time.monotonic()
    try:
        parts = asyncio.run(play(wanted.name, scale=wanted.scale, seed=wanted.seed, broker=wanted.broker))
    except CampaignError as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    path = write(parts, Path(wanted.out), name=wanted.name, scale=wanted.scale, seed=wanted.seed)
    for part in parts:
        print(f"\n{part.text()}")
    broken = sum(1 for part in parts for promise in part.promises if not promise.kept)
    verdict = "every promise was kept" if not broken else f"{broken} promises were BROKEN"
    print(f"{verdict}; {time.monotonic() - began:.0f} s; {path}")
    return 1 if broken else 0


async def play(name: str, *, scale: float, seed: int, broker: str) -> list[Part]:
    """The campaign's passes, one after the other."""
    if name == "backing":
        return [await backing.run(scale=scale, seed=seed, say=_say)]
    return [await kills.run(scale=scale, seed=seed, rabbitmq=rabbitmq, say=_say) for rabbitmq in BROKERS[broker]]


def write(parts: Sequence[Part], folder: Path, *, name: str, scale: float, seed: int) -> Path:
    """The report as JSON; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-seed{seed}-scale{scale:g}.json"
    report = {"campaign": name, "scale": scale, "seed": seed, "parts": [part.as_dict() for part in parts]}
    path.write_text(json.dumps(report, indent=2, default=str) + "\n")
    return path


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.prove", description=__doc__)
    parser.add_argument("--name", choices=("kills", "backing"), default="kills")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the full campaign; tests run 0.02")
    parser.add_argument("--seed", type=int, default=7, help="the same seed plans the same posts, webhooks and strikes")
    parser.add_argument("--broker", choices=tuple(BROKERS), default="both", help="of kills: which passes to run")
    parser.add_argument("--out", default=str(OUT), help="folder for the JSON report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
