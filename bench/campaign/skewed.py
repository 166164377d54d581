"""`python -m bench.campaign.skewed`: the publisher on a machine whose clock is wrong by `PROVE_SKEW_S` seconds.

Only the machine's clock is: everything of ours reads it in one place, and what the program makes of it, by asking the
database what time it is, stays its own affair.
"""

import os
import sys
from datetime import UTC, datetime, timedelta

import structlog

from libs.runtime.clock import SystemClock
from libs.runtime.program import command
from services.publisher.__main__ import serve
from services.publisher.settings import PublisherSettings


def wrong(_: SystemClock) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(os.environ["PROVE_SKEW_S"]))


async def serve_skewed(settings: PublisherSettings) -> None:
    structlog.get_logger().info("clock.skewed", off_s=(SystemClock().now() - datetime.now(UTC)).total_seconds())
    await serve(settings)


if __name__ == "__main__":
    SystemClock.now = wrong  # type: ignore[method-assign, assignment]
    sys.exit(command("publisher", PublisherSettings, serve_skewed))
