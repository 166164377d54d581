"""Routes as values, and how they become the server's."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.model.key import Capability
from services.api.call import Call, Desk
from services.api.door import Door, check_grant

KEY_ID = web.RequestKey("key_id", str)
CUSTOMER_ID = web.RequestKey("customer_id", str)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the REST API: which grant opens it and who answers it."""

    method: Literal["GET", "POST", "PATCH"]
    path: str
    capability: Capability
    handle: Callable[[Call], Awaitable[web.StreamResponse]]
    write: bool = False
    operators_only: bool = False


def add_routes(app: web.Application, routes: Iterable[Route], *, desk: Desk, door: Door) -> None:
    """Every route goes through the door; none can be added that does not name its grant."""
    for route in routes:
        handler = _behind(door, route, desk=desk)
        app.router.add_route(route.method, route.path, handler, expect_handler=_not_yet)


def _behind(door: Door, route: Route, *, desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        now = desk.clock.now()
        key = await door.let_in(request, now=now)
        request[KEY_ID], request[CUSTOMER_ID] = key.id, key.customer_id or ""
        check_grant(key, capability=route.capability, write=route.write, operators_only=route.operators_only)
        return await route.handle(Call(request, desk, key, now))

    return handler


async def _not_yet(_: web.Request) -> None:
    """`Expect: 100-continue` is answered by whoever reads the body, not before the key was looked at."""
