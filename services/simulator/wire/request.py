"""What a handler is given: the call's time, its body parsed once, and who is calling."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from services.simulator.knobs import Knobs
from services.simulator.log import Call
from services.simulator.world import oauth
from services.simulator.world.error import Code, OAuthRefused, Refused
from services.simulator.world.record import AccessToken, Client, Creator, Grant
from services.simulator.world.world import World


@dataclass(slots=True)
class Request:
    """One call at one moment. `http` is for headers, query and streaming only."""

    http: web.Request
    world: World
    knobs: Knobs
    now: datetime
    log_id: str
    call: Call
    body: bytes = b""
    parsed: Any = field(default=None, repr=False)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; nothing at all counts as `{}`."""
        if not self.body:
            return {}
        if self.http.content_type != "application/json":
            raise Refused(Code.INVALID_PARAMS, "The Content-Type must be application/json; charset=UTF-8")
        try:
            given = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refused(Code.INVALID_PARAMS, "The request body is not valid JSON") from None
        if not isinstance(given, dict):
            raise Refused(Code.INVALID_PARAMS, "The request body must be a JSON object")
        return given

    def form(self) -> Mapping[str, str]:
        """The body as an urlencoded form; JSON is refused (fact sheet 1.2)."""
        if self.http.content_type != "application/x-www-form-urlencoded":
            raise OAuthRefused("invalid_request", "The request parameters are malformed.")
        try:
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=50))
        except ValueError:
            raise OAuthRefused("invalid_request", "The request parameters are malformed.") from None

    def fields(self) -> tuple[str, ...]:
        """`?fields=a,b,c`, mandatory for the Display API."""
        given = tuple(part.strip() for part in self.http.query.get("fields", "").split(",") if part.strip())
        if not given:
            raise Refused(Code.INVALID_PARAMS, "The fields parameter is required")
        return given

    def bearer(self) -> str:
        scheme, _, token = self.http.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def caller(self) -> "Caller":
        """Who the user access token speaks for; raises 401 `access_token_invalid`."""
        token = oauth.live_token(self.world, self.bearer(), now=self.now)
        grant = self.world.grants.get(token.open_id) if token and token.open_id else None
        creator = self.world.owner(grant) if grant else None
        client = self.world.clients.get(token.client_key) if token else None
        if token is None or grant is None or creator is None or client is None:
            raise Refused(Code.TOKEN_INVALID)
        self.call.open_id = grant.open_id
        return Caller(token, grant, creator, client)


@dataclass(frozen=True, slots=True)
class Caller:
    """A live user token and everything it stands for."""

    token: AccessToken
    grant: Grant
    creator: Creator
    client: Client

    def need(self, *scopes: str) -> None:
        """Any of these scopes will do; raises 401 `scope_not_authorized`."""
        if not any(scope in self.token.scopes for scope in scopes):
            raise Refused(Code.SCOPE_NOT_AUTHORIZED)

    def spend(self, request: Request, endpoint: str, limit: int) -> None:
        """Counts this call in the token's sliding minute; raises 429. 0 is no limit."""
        limit = self.creator.limits.get(endpoint, limit)
        if limit and not request.world.windows.take((self.token.token, endpoint), limit=limit, now=request.now):
            raise Refused(Code.RATE_LIMIT)
