"""Structured logs. One wide line per thing that happened; secrets are masked by name as a last net."""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["console", "json"]

_SECRET_WORDS = ("token", "secret", "password", "authorization", "signature", "api_key", "upload_url")


def mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replaces the value of every field whose name says it is secret. Callers still must not log them."""
    for name in event:
        if name != "event" and any(word in name.lower() for word in _SECRET_WORDS) and event[name] is not None:
            event[name] = "***"
    return event


def configure(*, level: str = "info", format: Format = "console", stream: Any = None) -> None:
    """Sets up structlog and the standard library's logging to write lines to `stream` (stderr)."""
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    render: Processor = (
        structlog.processors.JSONRenderer()
        if format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            pad_event_to=28,
            exception_formatter=structlog.dev.plain_traceback,  # the rich one prints local variables, secrets included
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            mask_secrets,
            *([structlog.processors.format_exc_info] if format == "json" else []),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    # aiormq prints a traceback for every lost connection; the broker room says the same in one line, with a remedy.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.basicConfig(level=max(number, logging.WARNING), format="%(name)s: %(message)s", stream=stream, force=True)
