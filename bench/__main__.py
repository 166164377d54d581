"""`python -m bench`: measures speed, each figure against its bare limit in the same run.

The exit code says whether every figure is what it has to be (0), one is not (1), or nothing could be measured (2).
"""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import attempts, ingest, lists, notifier, pace, publisher, stack, uploads
from bench.child import BenchError
from bench.ground import Ground
from bench.plan import Plan
from bench.report import Figure, Measured, Memory, Report
from deploy.errors import DeployError
from libs.runtime import logs

Say = Callable[[str], None]
MEASUREMENTS: dict[str, Callable[[Ground, Plan, Say], Awaitable[Measured]]] = {
    ingest.NAME: ingest.measure,
    notifier.NAME: notifier.measure,
    stack.NAME: stack.measure,
    pace.NAME: pace.measure,
    attempts.NAME: attempts.measure,
    lists.NAME: lists.measure,
    uploads.NAME: uploads.measure,
    publisher.NAME: publisher.measure,
}
Measure = Callable[[Sequence[str], Plan, Say], Coroutine[Any, Any, Report]]
DEFAULT_JSON = Path(".clipwire/bench.json")


async def measure(names: Sequence[str], plan: Plan, say: Say) -> Report:
    """Runs the named measurements one after the other on ground of its own."""
    say("starting PostgreSQL")
    async with Ground(say) as ground:
        report = Report(
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.platform()}",
                "python": f"{platform.python_implementation()} {platform.python_version()}",
                "load before": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
                "postgres": {"from": ground.postgres_origin, **await ground.durability()},
                "plan": {"seconds": plan.seconds, "rounds": plan.rounds, "soak_s": plan.soak_s},
            },
            [],
            [],
        )
        figures: list[Figure] = []
        memory: list[Memory] = []
        for name in names:
            found = await MEASUREMENTS[name](ground, plan, say)
            figures += found.figures
            memory += found.memory
    return Report(report.ground, figures, memory)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures Clipwire on this machine. Every throughput is set beside the bare limit of the same run: "
        "what aiohttp alone does when nothing is verified, stored or signed. Everything stays on loopback; PostgreSQL "
        "is started for the run with fsync on, or taken from TEST_DATABASE_URL.",
        epilog="Run it on a machine that does nothing else: shared cores widen the spread, and the report says how "
        "much other programs took.",
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=sorted(MEASUREMENTS), default=list(MEASUREMENTS),
                        help=f"measure these alone: {', '.join(MEASUREMENTS)}")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=4.0, metavar="N",
                        help="length of each counted window (default %(default)s)")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="turns of ours and bare; the median counts (default %(default)s)")  # fmt: skip
    parser.add_argument("--soak", type=float, default=60.0, metavar="N",
                        help="seconds of steady flow in which pace looks at memory (default %(default)s); promised are "
                        "600: --only pace --soak 600")  # fmt: skip
    parser.add_argument("--json", type=Path, default=DEFAULT_JSON, metavar="PATH",
                        help="where the figures go for machines (default %(default)s)")  # fmt: skip
    parsed = parser.parse_args(arguments)
    if not 0.5 <= parsed.seconds <= 600 or not 1 <= parsed.rounds <= 50:
        parser.error("--seconds is 0.5 to 600, --rounds 1 to 50")
    if not 1 <= parsed.soak <= 86_400:
        parser.error("--soak is 1 to 86400")
    return parsed


def main(arguments: Sequence[str] | None = None, *, measured: Measure = measure) -> int:
    wanted = parse(arguments)
    logs.configure(level="warning")
    progress, console = Console(stderr=True), Console()
    plan = Plan(seconds=wanted.seconds, rounds=wanted.rounds, soak_s=wanted.soak)
    try:
        if progress.is_terminal:
            with progress.status("") as status:
                report = asyncio.run(measured(wanted.only, plan, status.update))
        else:
            report = asyncio.run(measured(wanted.only, plan, progress.print))
    except (BenchError, DeployError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    report.show(console)
    wanted.json.parent.mkdir(parents=True, exist_ok=True)
    wanted.json.write_text(json.dumps(report.words(), indent=2, ensure_ascii=False) + "\n")
    console.print(f"[dim]written to {wanted.json}[/]")
    for line in report.missed:
        print(f"bench: missed: {line}", file=sys.stderr)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
