"""Every refusal and failure as problem+json, and the wide log line of each request."""

import time

import orjson
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from libs.model.problem import Problem
from libs.model.veil import veil
from libs.rest.problem import CONTENT_TYPE
from libs.runtime.metrics import Metrics
from libs.runtime.web import request_id
from services.api.call import tame
from services.api.explain import problem_of
from services.api.route import CUSTOMER_ID, KEY_ID, QUOTA

log = structlog.get_logger()

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
RETRY_AFTER_S = {
    "store_unavailable": 5, "contended": 1, "media_store_failed": 5, "media_busy": 10,
    "idempotency_in_flight": 1, "tiktok_unavailable": 30,
}  # fmt: skip


def problems(metrics: Metrics) -> Middleware:
    """The outermost middleware: nothing leaves as anything but an answer or a problem."""
    seconds = metrics.histogram("request_seconds", "time to answer", ("method", "route", "status"))

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        code = None
        try:
            response = await handler(request)
        except Exception as error:
            problem = problem_of(error)
            code = problem.code
            if problem.status == 500:
                log.exception("request.failed", request_id=request_id(request), route=_route(request))
            response = respond(problem, request, headers=_headers(error))
        if (quota := request.get(QUOTA)) is not None and not response.prepared:
            response.headers.update(quota.headers())
        spent = time.perf_counter() - started
        seconds.labels(_method(request), _route(request), str(response.status)).observe(spent)
        _tell(request, response, code=code, spent=spent)
        return response

    return middleware


def respond(problem: Problem, request: web.Request, *, headers: dict[str, str] | None = None) -> web.Response:
    """The problem with what only the request knows."""
    said = problem.as_dict() | {"request_id": request_id(request), "instance": tame(veil(request.path))}
    headers = dict(headers or {})
    if problem.status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="clipwire"'
    wait = problem.extra.get("retry_after_s", RETRY_AFTER_S.get(problem.code))
    if wait is not None:
        headers[hdrs.RETRY_AFTER] = str(wait)
    return web.Response(body=orjson.dumps(said), status=problem.status, content_type=CONTENT_TYPE, headers=headers)


def _tell(request: web.Request, response: web.StreamResponse, *, code: str | None, spent: float) -> None:
    say = log.debug if request.path in PROBES else log.info
    say(
        "request.answered",
        request_id=request_id(request),
        method=_method(request),
        route=_route(request),
        status=response.status,
        code=code,
        ms=round(spent * 1000, 1),
        key_id=request.get(KEY_ID),
        customer_id=request.get(CUSTOMER_ID),
    )


def _route(request: web.Request) -> str:
    """The route's pattern: an address nobody serves must not become a label."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


def _method(request: web.Request) -> str:
    return request.method if request.method in hdrs.METH_ALL else "other"


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {hdrs.ALLOW: ", ".join(sorted(error.allowed_methods))}
    return {}
