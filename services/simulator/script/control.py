"""`/_sim/` switches: knobs, clock, faults, scenarios, reset."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.simulator.clock import VirtualClock
from services.simulator.engine.dials import Dials
from services.simulator.fault.book import FaultBook
from services.simulator.fault.rule import Fault
from services.simulator.fault.scenario import SCENARIOS, Terms
from services.simulator.script.shape import BadRequest, answer, bad, body_as, json_of, mistakes, not_found, number
from services.simulator.wire.held import Held
from services.simulator.world import cap
from services.simulator.world.world import World

FOLLOW_MAX_S = 60
MAX_JUMP_S = 366 * 86_400


class Jump(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: Annotated[float, Field(ge=0, le=MAX_JUMP_S)]


class Release(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    open_id: Annotated[str, Field(min_length=1, max_length=64)]


class Control:
    """`reset` is the app's own; it also awaits what is still running."""

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        dials: Dials,
        faults: FaultBook,
        held: Held,
        *,
        settle: Callable[[], None],
        reset: Callable[[], Awaitable[None]],
    ) -> None:
        self._world = world
        self._clock = clock
        self._dials = dials
        self._faults = faults
        self._held = held
        self._settle = settle
        self._reset = reset

    def mount(self, app: web.Application) -> None:
        add = app.router.add_route
        add("GET", "/_sim/settings", self.settings)
        add("PUT", "/_sim/settings", self.turn)
        add("PATCH", "/_sim/settings", self.turn)
        add("GET", "/_sim/clock", self.clock)
        add("POST", "/_sim/clock/advance", self.advance)
        add("POST", "/_sim/clock/freeze", self.freeze)
        add("POST", "/_sim/clock/thaw", self.thaw)
        add("GET", "/_sim/faults", self.armed)
        add("POST", "/_sim/faults", self.arm)
        add("POST", "/_sim/faults/release", self.release)
        add("DELETE", "/_sim/faults", self.disarm_all)
        add("DELETE", "/_sim/faults/{id}", self.disarm)
        add("GET", "/_sim/scenarios", self.scenarios)
        add("POST", "/_sim/scenarios/{name}", self.play)
        add("POST", "/_sim/reset", self.reset)

    # Knobs

    async def settings(self, _: web.Request) -> web.Response:
        return answer(self._shown())

    def _shown(self) -> dict[str, Any]:
        first = next(iter(self._world.clients))
        return {**self._dials.now.model_dump(mode="json"), "webhook_url": first.webhook_url}

    async def turn(self, request: web.Request) -> web.Response:
        change = await json_of(request)
        if not isinstance(change, dict):
            raise BadRequest("the body is not an object")
        first = next(iter(self._world.clients))
        url = change.pop("webhook_url", None)
        if url is not None and not (isinstance(url, str) and (url == "" or url.startswith(("http://", "https://")))):
            raise BadRequest("webhook_url: not a URL")
        try:
            knobs = self._dials.turn(change)
        except ValidationError as error:
            raise BadRequest(mistakes(error)) from None
        if url is not None:
            first.webhook_url = url
        if "audited" in change:
            first.audited = knobs.audited
        return answer(self._shown())

    # Clock

    async def clock(self, request: web.Request) -> web.Response:
        """The time, to follow it. `?version=N&wait_s=S` answers at the next jump, or after S real seconds."""
        version, wait_s = number(request, "version", 0), number(request, "wait_s", 0)
        if wait_s and version == self._clock.version:
            try:
                async with asyncio.timeout(min(wait_s, FOLLOW_MAX_S)):
                    await self._clock.jump()
            except TimeoutError:
                pass  # no jump: the present time is the answer
        return answer(self._time())

    async def advance(self, request: web.Request) -> web.Response:
        jump = await body_as(Jump, request)
        self._clock.advance(jump.seconds)
        self._settle()
        return answer(self._time())

    async def freeze(self, _: web.Request) -> web.Response:
        self._clock.freeze()
        return answer(self._time())

    async def thaw(self, _: web.Request) -> web.Response:
        self._clock.thaw()
        return answer(self._time())

    def _time(self) -> dict[str, object]:
        now = self._clock.now()
        return {
            "now": now.isoformat(),
            "unix": now.timestamp(),
            "frozen": self._clock.frozen,
            "version": self._clock.version,
        }

    # Faults

    async def armed(self, _: web.Request) -> web.Response:
        return answer({"faults": self._faults.listing()})

    async def release(self, request: web.Request) -> web.Response:
        """Calls of this account that `latency` or `slow_body` keeps waiting go on at once."""
        wanted = await body_as(Release, request)
        return answer({"released": self._held.let_go(wanted.open_id)})

    async def arm(self, request: web.Request) -> web.Response:
        fault = await body_as(Fault, request)
        try:
            return answer(self._faults.arm(fault).shown(), status=201)
        except ValueError as error:
            return bad(str(error), status=409)

    async def disarm(self, request: web.Request) -> web.Response:
        given = request.match_info["id"]
        known = given.isascii() and given.isdigit() and self._faults.disarm(int(given))
        return web.Response(status=204) if known else not_found("fault")

    async def disarm_all(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def scenarios(self, _: web.Request) -> web.Response:
        listing = {name: (make.__doc__ or "").strip() for name, make in SCENARIOS.items()}
        return answer({"scenarios": listing, "terms": Terms.model_json_schema()["properties"]})

    async def play(self, request: web.Request) -> web.Response:
        """Arms the named scenario."""
        make = SCENARIOS.get(request.match_info["name"])
        if make is None:
            return not_found("scenario")
        terms = await body_as(Terms, request)
        recipe = make(terms)
        if recipe.posts_left is not None:
            self._leave_posts(terms.open_id, recipe.posts_left)
        if recipe.knobs:
            self._dials.turn(recipe.knobs)
        armed = [self._faults.arm(fault).shown() for fault in recipe.faults]
        return answer({"faults": armed, "settings": recipe.knobs}, status=201)

    def _leave_posts(self, open_id: str | None, left: int) -> None:
        """Spends the day of one account, or of all, so that `left` direct posts remain."""
        grant = self._world.grants.get(open_id) if open_id else None
        owner = self._world.owner(grant) if grant else None
        if open_id is not None and owner is None:
            raise BadRequest("open_id: no such account")
        now = self._clock.now()
        for creator in [owner] if owner else list(self._world.creators):
            surplus = cap.posts_left(creator, now=now, knobs=self._dials.now) - left
            creator.direct_posts += [now + timedelta(microseconds=n) for n in range(max(0, surplus))]

    async def reset(self, _: web.Request) -> web.Response:
        await self._reset()
        return web.Response(status=204)
