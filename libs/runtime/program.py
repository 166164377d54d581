"""A program: an HTTP shell and workers, started together and stopped together."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog

from libs.runtime import logs
from libs.runtime.settings import ProgramSettings, SettingsError, load, summary
from libs.runtime.web import HttpServer
from libs.runtime.workers import Worker, supervise

log = structlog.get_logger()

P = TypeVar("P", bound=ProgramSettings)

CHECK = "--check-settings"
"""Given to a program, it says whether its settings are usable, by its exit code and one line, and starts nothing."""


class Program:
    """Serves and works between `start` and `stop`. `stop` drains within `drain_s` seconds and then some."""

    def __init__(self, name: str, *, server: HttpServer, workers: Sequence[Worker] = (), drain_s: float = 7.0) -> None:
        self.name = name
        self._server = server
        self._workers = tuple(workers)
        self._drain_s = drain_s
        self._stop = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    async def start(self) -> None:
        """Listens, then works. Raises `CannotListen`, an OSError, when the port is taken, say."""
        await self._server.start()
        self._working = asyncio.create_task(
            supervise(self._workers, stop=self._stop, drain_s=self._drain_s), name=f"{self.name}-workers"
        )
        log.info("program.started", program=self.name, url=self.url)

    async def stop(self) -> None:
        """Stops taking requests and work, finishes or releases what is in hand."""
        await self._server.stop()  # first: a request under way may need the workers
        self._stop.set()
        if self._working is not None:
            await self._working
            self._working = None
        log.info("program.stopped", program=self.name)


async def until_signal() -> None:
    """Returns at the first SIGINT or SIGTERM."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    try:
        await told.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def command(
    name: str,
    settings: type[P],
    serve: Callable[[P], Awaitable[None]],
    *,
    known: tuple[type[Exception], ...] = (),
) -> int:
    """What every `python -m services.<name>` does: settings, logs, serve; returns the exit code.

    Bad settings and the `known` errors of opening the parts end in one clear line and code 2; anything else is a bug
    and raises.
    """
    expected: tuple[type[Exception], ...] = (SettingsError, ValueError, OSError, *known)
    if sys.argv[1:] not in ([], [CHECK]):
        print(f"{name}: takes no arguments but {CHECK}; its settings are in .env.example", file=sys.stderr)  # noqa: T201
        return 2
    try:
        loaded = load(settings)
        if sys.argv[1:] == [CHECK]:
            return 0
        logs.configure(level=loaded.log_level, format=loaded.log_format)
        log.info("program.settings", program=name, settings=summary(loaded))
        run(lambda: serve(loaded))
    except expected as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs a program's main coroutine on the fastest loop this machine has."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_as_coroutine(main))


async def _as_coroutine(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.get_running_loop().set_exception_handler(_unheard)
    await main()


def _unheard(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What went wrong where nobody waited for it, as a line like any other; asyncio would write a bare traceback.

    A connection that could not be closed in time is no fault of ours: libraries leave such tasks behind.
    """
    error = context.get("exception")
    say = log.warning if isinstance(error, TimeoutError | ConnectionError) else log.error
    say("loop.unheard", what=str(context.get("message")), exc_info=error)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows; everything works without, only slower
        return None
    return uvloop.new_event_loop
