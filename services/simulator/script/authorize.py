"""`POST /_sim/authorize`: the consent page without a browser."""

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

from libs.runtime.clock import Clock
from services.simulator.engine.dials import Dials
from services.simulator.script.shape import BadRequest, answer, body_as
from services.simulator.world import authorize, oauth
from services.simulator.world.authorize import PageRefused, RedirectRefused
from services.simulator.world.world import World


class Decision(BaseModel):
    """What a creator would do on the page: agree to these scopes (default all that were asked), or deny."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(max_length=8192)]
    username: str
    scopes: list[str] | None = None
    deny: bool = False


class Authorize:
    def __init__(self, world: World, clock: Clock, dials: Dials) -> None:
        self._world = world
        self._clock = clock
        self._dials = dials

    def mount(self, app: web.Application) -> None:
        app.router.add_post("/_sim/authorize", self.decide)

    async def decide(self, request: web.Request) -> web.Response:
        """Where the browser would be sent: `{"location", "code"}`; the code is decoded, ready to exchange."""
        decision = await body_as(Decision, request)
        creator = self._world.creator_named(decision.username)
        if creator is None:
            raise BadRequest("username: no such account")
        query = dict(URL(decision.url).query)
        try:
            wanted = authorize.read(self._world, query, knobs=self._dials.now)
            if decision.deny:
                raise authorize.denied(wanted)
            authorize.check_target(wanted, creator)
        except RedirectRefused as refused:
            return answer({"location": refused.location, "error": refused.error})
        except PageRefused as refused:
            raise BadRequest(str(refused)) from None
        ticked = wanted.scopes if decision.scopes is None else decision.scopes
        scopes = tuple(scope for scope in wanted.scopes if scope in ticked)
        code = oauth.new_code(
            self._world,
            wanted.client,
            creator,
            scopes=scopes,
            redirect_uri=wanted.redirect_uri,
            challenge=wanted.challenge,
            now=self._clock.now(),
            knobs=self._dials.now,
        )
        location = authorize.callback(wanted.redirect_uri, code=code.code, scopes=",".join(scopes), state=wanted.state)
        return answer({"location": location, "code": code.code, "scopes": list(scopes)})
