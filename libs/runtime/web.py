"""The HTTP shell of every program: health, readiness, metrics, request ids, and a server that stops when asked."""

import asyncio
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
REQUEST_ID = web.RequestKey("request_id", str)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
CHECK_TIMEOUT_S = 3.0
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 (recognized when showing a URL, not bound here)


def make_app(
    name: str,
    *,
    checks: Mapping[str, Check] | None = None,
    client_max_size: int = 1024 * 1024,
    metrics: Metrics | None = None,
    middlewares: tuple[Middleware, ...] = (),
) -> web.Application:
    """An application with `/healthz` (alive), `/readyz` (every check passes), `/metrics`, and `X-Request-Id` on all."""
    app = web.Application(client_max_size=client_max_size, middlewares=middlewares)
    app[METRICS] = metrics or Metrics(name)
    app.on_response_prepare.append(_stamp)
    named = dict(checks or {})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "program": name})

    async def readyz(_: web.Request) -> web.Response:
        found = await asyncio.gather(*(_run_check(check) for check in named.values()))
        wrong = {check: problem for check, problem in zip(named, found, strict=True) if problem is not None}
        body = {"status": "unready" if wrong else "ready", "program": name, "wrong": wrong}
        return web.json_response(body, status=503 if wrong else 200)

    async def metrics_page(request: web.Request) -> web.Response:
        return web.Response(body=request.app[METRICS].render(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_page)
    return app


def request_id(request: web.Request) -> str:
    """The caller's `X-Request-Id` when it is tame, else a fresh one; the same for the life of the request."""
    known = request.get(REQUEST_ID)
    if known is None:
        given = request.headers.get("X-Request-Id", "")
        known = given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        request[REQUEST_ID] = known
    return str(known)


async def _stamp(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Request-Id", request_id(request))


async def _run_check(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


class HttpServer:
    """Serves an application on one address. `port` 0 picks a free one; `url` and `port` are true after `start`."""

    def __init__(self, app: web.Application, *, host: str, port: int, shutdown_s: float = 5.0) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_s, handle_signals=False)
        self._host = host
        self.port = port

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True, backlog=1024)
        await site.start()
        address = self._runner.addresses[0]
        self.port = int(address[1])

    async def stop(self) -> None:
        """Stops accepting, lets running requests end within the shutdown time, closes."""
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self._host in WILDCARDS else self._host
        return f"http://{host}:{self.port}"
