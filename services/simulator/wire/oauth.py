"""Token and revoke endpoints (fact sheet 1.2 and 1.3)."""

from services.simulator.engine.stage import Stage
from services.simulator.wire.answer import Answer, flat
from services.simulator.wire.gate import Endpoint
from services.simulator.wire.request import Request
from services.simulator.world import oauth
from services.simulator.world.error import OAuthRefused


async def token(request: Request) -> Answer:
    """Code exchange, refresh and client credentials: a flat body, no envelope."""
    body = oauth.token_answer(request.world, request.form(), now=request.now, knobs=request.knobs)
    request.call.open_id = body.get("open_id")
    return flat(body)


class Revoke:
    """Ends the authorization; the webhook says reason 5."""

    REASON = 5

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def __call__(self, request: Request) -> Answer:
        form = request.form()
        client = oauth.authenticate(request.world, form)
        given = form.get("token")
        if not given:
            raise OAuthRefused("invalid_request", "The request parameters are malformed.")
        token = oauth.live_token(request.world, given, now=request.now)
        grant = request.world.grants.get(token.open_id) if token and token.open_id else None
        if grant is None or grant.client_key != client.key:
            # An expired token is unknown here too: clients refresh first, then revoke.
            raise OAuthRefused("invalid_request", "The access token is unknown or has expired.")
        self._stage.remove_authorization(grant, reason=self.REASON, now=request.now)
        return flat({})


def endpoints(stage: Stage) -> list[Endpoint]:
    return [
        Endpoint("oauth/token", "POST", "/v2/oauth/token/", token),
        Endpoint("oauth/revoke", "POST", "/v2/oauth/revoke/", Revoke(stage)),
    ]
