"""Routes as values, and how they become the server's."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.model.key import Capability
from libs.rest.shape import Ask
from services.api.call import Call, Desk
from services.api.door import Door, check_grant

KEY_ID = web.RequestKey("key_id", str)
CUSTOMER_ID = web.RequestKey("customer_id", str)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the REST API: which grant opens it, who answers it, what its query string may hold (nothing)."""

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    path: str
    capability: Capability
    handle: Callable[[Call], Awaitable[web.StreamResponse]]
    write: bool = False
    operators_only: bool = False
    query: type[Ask] = Ask
    per_account: bool = False
    """Its handler heeds `Call.reach`: keys whose grant is about single accounts may come in."""


def add_routes(app: web.Application, routes: Iterable[Route], *, desk: Desk, door: Door) -> None:
    """Every route goes through the door; none can be added that does not name its grant."""
    for route in routes:
        handler = _behind(door, route, desk=desk)
        app.router.add_route(route.method, route.path, handler, expect_handler=_not_yet)


def _behind(door: Door, route: Route, *, desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        now = desk.clock.now()
        key = await door.let_in(request, now=now)
        request[KEY_ID], request[CUSTOMER_ID] = key.id, key.customer_id or "operator"
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
        return await route.handle(call)

    return handler


async def _not_yet(_: web.Request) -> None:
    """`Expect: 100-continue` is answered by whoever reads the body, not before the key was looked at."""
