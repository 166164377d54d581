"""Routes as values, and how they become the server's.

A route is not made without its `doc`: how to write one says `services/api/doc`.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.model.key import Capability, Key
from libs.model.problem import Refusal
from libs.rest.shape import Ask
from services.api.audit import Auditor
from services.api.call import Call, Desk
from services.api.doc.shape import Doc
from services.api.door import Door, check_grant
from services.api.explain import problem_of
from services.api.idempotency import given_key
from services.api.once import REPLAYED, once
from services.api.rate import Quota, Rates

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
KEY_ID = web.RequestKey("key_id", str)
CUSTOMER_ID = web.RequestKey("customer_id", str)
QUOTA = web.RequestKey("quota", Quota)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the REST API: which grant opens it, who answers it, what its query string may hold (nothing)."""

    method: Method
    path: str
    capability: Capability
    handle: Callable[[Call], Awaitable[web.StreamResponse]]
    """Its docstring describes the operation in the OpenAPI document."""
    doc: Doc = field(kw_only=True)
    """Its half of that document."""
    write: bool = False
    operators_only: bool = False
    query: type[Ask] = Ask
    per_account: bool = False
    """Its handler heeds `Call.reach`: keys whose grant is about single accounts may come in."""
    own_key: bool = False
    """What it makes keeps its own Idempotency-Key, for ever and by whatever door it came."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What every request passes on its way to a handler."""

    door: Door
    rates: Rates
    auditor: Auditor


def add_routes(app: web.Application, routes: Iterable[Route], *, desk: Desk, gate: Gate) -> None:
    """Every route goes through the gate; none can be added that does not name its grant."""
    every = tuple(routes)
    for route in every:
        handler = _behind(gate, route, desk=desk)
        app.router.add_route(route.method, route.path, handler, expect_handler=_not_yet)
    for path in _shadowed({route.path for route in every}):
        mine = {route.method for route in every if route.path == path}
        app.router.add_route("*", path, _other_method(mine), expect_handler=_not_yet)


def _shadowed(paths: Set[str]) -> list[str]:
    """Paths that are also of the form of another, as `/v1/posts/validate` is of `/v1/posts/{id}`: what one of them does
    not take would be taken for a thing of that name."""
    forms = [re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in paths if "{" in path]
    return sorted(path for path in paths if "{" not in path and any(form.fullmatch(path) for form in forms))


def _other_method(mine: Set[str]) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, mine)

    return refuse


def _behind(gate: Gate, route: Route, *, desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        now = desk.clock.now()
        key = await gate.door.let_in(request, now=now)
        request[KEY_ID], request[CUSTOMER_ID] = key.id, key.customer_id or "operator"
        request[QUOTA], too_often = gate.rates.take(key)
        if too_often is not None:
            raise Refusal(too_often)
        try:
            response = await _answer(request, route, desk=desk, key=key, now=now)
        except Exception as error:
            problem = problem_of(error)
            if route.write or problem.status == 403:  # reads are told of only when a grant refuses them
                await gate.auditor.tell(
                    request, key, pattern=route.path, status=problem.status, code=problem.code, made=None
                )
            raise
        if route.write and REPLAYED not in response.headers:
            await gate.auditor.tell(request, key, pattern=route.path, status=response.status, code="", made=response)
        return response

    return handler


async def _answer(request: web.Request, route: Route, *, desk: Desk, key: Key, now: datetime) -> web.StreamResponse:
    reach = check_grant(
        key,
        capability=route.capability,
        write=route.write,
        operators_only=route.operators_only,
        per_account=route.per_account,
    )
    call = Call(request, desk, key, now, reach)
    if route.query is Ask:
        call.query(Ask)  # what a handler never looks at must not be passed over in silence either
    name = given_key(request) if route.write and not route.own_key else None
    return await route.handle(call) if name is None else await once(call, name, route.handle)


async def _not_yet(_: web.Request) -> None:
    """`Expect: 100-continue` is answered by whoever reads the body, not before the key was looked at."""
