"""What one test process is told about the servers of its run."""

from dataclasses import dataclass, field
from typing import NoReturn

import pytest


@dataclass(frozen=True, slots=True)
class Found:
    """What a test process needs to know; `…_missing` says why there is no RabbitMQ or browser."""

    directory: str
    token: str
    # Not in tracebacks: the developer's own environment, and passwords.
    environ: dict[str, str] = field(repr=False)
    postgres: str | None = field(default=None, repr=False)
    rabbitmq: str | None = field(default=None, repr=False)
    rabbitmq_missing: str | None = None
    browser_missing: str | None = None


FOUND = pytest.StashKey[Found]()


def without_rabbitmq(found: Found, reason: str) -> NoReturn:
    """Ends the test: skipped, or failed where RabbitMQ is required."""
    if found.environ.get("REQUIRE_RABBITMQ") == "1":
        pytest.fail(f"REQUIRE_RABBITMQ=1, but {reason}", pytrace=False)
    pytest.skip(reason)
