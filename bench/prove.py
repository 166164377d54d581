"""`python -m bench.prove`: runs a fault campaign, prints its report, writes it as JSON, and says by its exit code
whether every promise was kept (0), one was broken (1), or the campaign could not be run (2)."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.campaign import backing, kills, media, order, signatures
from bench.campaign.errors import CampaignError
from bench.campaign.report import Part
from deploy.backing import rabbit_program
from deploy.errors import DeployError
from libs.runtime import logs

BROKERS = {"both": (True, False), "rabbitmq": (True,), "memory": (False,)}
"""Whether each pass of `kills` has a RabbitMQ."""
OUT = Path(".clipwire/prove")


def main(argv: Sequence[str] | None = None) -> int:
    wanted = _parser().parse_args(argv)
    began = time.monotonic()
    try:
        parts = asyncio.run(
            play(wanted.name, scale=wanted.scale, seed=wanted.seed, broker=wanted.broker, keep=wanted.keep)
        )
    except (CampaignError, DeployError) as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    path = Path(wanted.out) / f"{wanted.name}-seed{wanted.seed}-scale{wanted.scale:g}.json"
    code = conclude(parts, path)
    print(f"{time.monotonic() - began:.0f} s; {path}")
    return code


def conclude(parts: Sequence[Part], path: Path) -> int:
    """Prints the report and writes it to `path` as JSON; the exit code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"parts": [part.as_dict() for part in parts]}, indent=2, default=str) + "\n")
    for part in parts:
        print(f"\n{part.text()}")
    broken = sum(1 for part in parts for promise in part.promises if not promise.kept)
    print("Every promise was kept." if not broken else f"{broken} promises were BROKEN.")
    return 1 if broken else 0


async def play(name: str, *, scale: float, seed: int, broker: str, keep: bool) -> list[Part]:
    """The campaign's passes, one after the other."""
    if name == "signatures":
        return [await signatures.run(scale=scale, seed=seed, say=_say)]
    if name == "media":
        logs.configure(level="warning")  # its programs run in this process
        return [await media.run(scale=scale, seed=seed, say=_say)]
    if name == "order":
        return [await order.run(scale=scale, seed=seed, say=_say, keep=keep)]
    passes = BROKERS[broker] if name == "kills" else (True,)
    program = await asyncio.to_thread(rabbit_program, os.environ, say=_say) if True in passes else None
    if name == "backing" and program is not None:
        return [await backing.run(scale=scale, seed=seed, rabbit=program, say=_say, keep=keep)]
    return [
        await kills.run(scale=scale, seed=seed, rabbit=program if with_rabbit else None, say=_say, keep=keep)
        for with_rabbit in passes
    ]


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.prove", description=__doc__)
    parser.add_argument("--name", choices=("kills", "backing", "signatures", "media", "order"), default="kills")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the full campaign; tests run 0.02")
    parser.add_argument("--seed", type=int, default=7, help="the same seed plans the same posts, webhooks and strikes")
    parser.add_argument("--broker", choices=tuple(BROKERS), default="both", help="of kills: which passes to run")
    parser.add_argument("--keep", action="store_true", help="leave logs and data also when every promise was kept")
    parser.add_argument("--out", default=str(OUT), help="folder for the JSON report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
