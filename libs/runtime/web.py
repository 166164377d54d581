"""The HTTP shell of every program: health, readiness, metrics, request ids, and a server that stops when asked."""

import asyncio
import errno
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from libs.runtime.metrics import Metrics

log = structlog.get_logger()

Check = Callable[[], Awaitable[str | None]]
"""A readiness check: None when well, else one sentence saying what is wrong."""

METRICS = web.AppKey("metrics", Metrics)
PATH_SHOWN, PART_SHOWN = 200, 20
"""Letters of a path that a log shows, and of each part of it."""
REQUEST_ID = web.RequestKey("request_id", str)
_REQUEST_ID = re.compile(r"(?!cw_|whsec_|act\.|rft\.)[A-Za-z0-9_.-]{1,64}")
"""Not what is an API key, a webhook secret or a token by its first letters: ids are logged and answered."""
CHECK_TIMEOUT_S = 3.0
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 (recognized when showing a URL, not bound here)


def make_app(
    name: str,
    *,
    checks: Mapping[str, Check] | None = None,
    client_max_size: int = 1024 * 1024,
    metrics: Metrics | None = None,
    middlewares: tuple[Middleware, ...] = (),
    check_s: float = CHECK_TIMEOUT_S,
    request_ids: bool = True,
) -> web.Application:
    """An application with `/healthz` (alive), `/readyz` (every check passes) and `/metrics`.

    `request_ids` puts an `X-Request-Id` on every answer; a caller that never reads one is spared the cost.
    """
    app = web.Application(client_max_size=client_max_size, middlewares=middlewares)
    app[METRICS] = metrics or Metrics(name)
    if request_ids:
        app.on_response_prepare.append(_stamp)
    named = dict(checks or {})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "program": name})

    async def readyz(_: web.Request) -> web.Response:
        found = await asyncio.gather(*(_run_check(check, within=check_s) for check in named.values()))
        wrong = {check: problem for check, problem in zip(named, found, strict=True) if problem is not None}
        body = {"status": "unready" if wrong else "ready", "program": name, "wrong": wrong}
        return web.json_response(body, status=503 if wrong else 200)

    async def metrics_page(request: web.Request) -> web.Response:
        return web.Response(body=request.app[METRICS].render(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_page)
    return app


def request_id(request: web.BaseRequest) -> str:
    """The caller's `X-Request-Id` when it is tame, else a fresh one; the same for the life of the request."""
    known = request.get(REQUEST_ID)
    if known is None:
        given = request.headers.get("X-Request-Id", "")
        known = given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        request[REQUEST_ID] = known
    return str(known)


async def _stamp(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Request-Id", request_id(request))


async def _run_check(check: Check, *, within: float) -> str | None:
    asking = asyncio.ensure_future(check())
    asking.add_done_callback(_seen)
    try:
        done, _ = await asyncio.wait([asking], timeout=within)
    finally:
        asking.cancel()  # and not awaited: what it waits for may be slow to let go as well
    if not done:
        return f"no answer within {within:g} s"
    error = asking.exception()
    return asking.result() if error is None else f"{type(error).__name__}: {error}"


def _seen(asking: "asyncio.Future[str | None]") -> None:
    """What comes of a check that nobody waits for any more is no unhandled error."""
    if not asking.cancelled():
        asking.exception()


class _Connection(web.RequestHandler):
    """aiohttp repeats what it could not read, keys and signatures included, in answer and log. We do neither."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        shown = _shown(request.path)
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            log.info("request.left", path=shown)  # whoever sent it hung up in the middle: nobody's error
        elif status >= 500:
            log.error("request.broke", path=shown, exc_info=exc)  # a bug of ours: its trace is worth having
        else:
            log.warning("request.unreadable", status=status, error=type(exc).__name__ if exc else None)
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        code, title = ("internal_error", "Our fault") if status >= 500 else ("unreadable_request", "Not readable HTTP")
        detail = "A fault of ours; it was logged." if status >= 500 else "The bytes that came are not HTTP."
        id_ = request_id(request)
        problem = {
            "type": "about:blank", "title": title, "status": status, "code": code, "detail": detail,
            "retryable": status >= 500, "request_id": id_, "instance": "/",
        }  # fmt: skip
        response = web.json_response(
            problem, status=status, content_type="application/problem+json", headers={"X-Request-Id": id_}
        )
        response.force_close()
        return response


def _shown(path: str) -> str:
    """A path with its long parts left out: an address may be a secret, good for whoever reads the log."""
    parts = path[:PATH_SHOWN].split("/")
    return "/".join(part if len(part) <= PART_SHOWN else "..." for part in parts)


class CannotListen(OSError):
    """The address of a program's settings cannot be had; the message names the setting and the remedy."""


class HttpServer:
    """Serves an application on one address. `port` 0 picks a free one; `url` and `port` are true after `start`.

    `settings` is what the settings of the address begin with: `API` for `API_HOST` and `API_PORT`.
    """

    def __init__(
        self, app: web.Application, *, host: str, port: int, settings: str = "", shutdown_s: float = 5.0
    ) -> None:
        self._runner = web.AppRunner(app, shutdown_timeout=shutdown_s, handle_signals=False)
        self._host = host
        self._settings = settings
        self._listening: asyncio.Server | None = None
        self.port = port

    async def start(self) -> None:
        """Listens. Raises `CannotListen` when the port is taken, say."""
        await self._runner.setup()
        loop, server = asyncio.get_running_loop(), self._runner.server
        if server is None:
            raise RuntimeError("the application did not start")
        try:
            self._listening = await loop.create_server(
                # Bodies arrive as they were sent: signatures are over raw bytes, and nobody may make us inflate a bomb.
                # No access log: the runner of aiohttp turns it off with None too, whatever the annotation says.
                lambda: _Connection(server, loop=loop, access_log=None, auto_decompress=False),  # type: ignore[arg-type]
                self._host,
                self.port,
                reuse_address=True,
                backlog=1024,
            )
        except OSError as error:
            await self._runner.cleanup()
            raise CannotListen(self._why_not(error)) from error
        self.port = int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops accepting, lets running requests end within the shutdown time, closes."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self._host in WILDCARDS else self._host
        return f"http://{host}:{self.port}"

    def _why_not(self, error: OSError) -> str:
        place = f"{self._host}:{self.port}"
        host, port = (f"{self._settings}_HOST", f"{self._settings}_PORT") if self._settings else ("host", "port")
        match error.errno:
            case errno.EADDRINUSE:
                return f"{port}: {place} is taken by another program; stop that one, or set {port} to a free one"
            case errno.EACCES:
                return f"{port}: this user may not listen on {place}; set {port} to one above 1023"
            case _:
                return f"{host}: no program can listen on {place} here ({error.strerror or error}); correct {host}"
