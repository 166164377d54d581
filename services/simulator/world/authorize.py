"""What the authorize page makes of its query (fact sheet 1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from services.simulator.knobs import Knobs
from services.simulator.world.error import SimulatorError
from services.simulator.world.oauth import CHALLENGE
from services.simulator.world.record import SCOPES, Client, Creator
from services.simulator.world.redirect import is_desktop, redirect_matches
from services.simulator.world.world import World

MANDATORY_SCOPE = "user.info.basic"


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """A query that may be shown to a creator."""

    client: Client
    scopes: tuple[str, ...]
    redirect_uri: str
    state: str | None
    challenge: str | None
    always_ask: bool


class PageRefused(SimulatorError):
    """Nothing may be sent to the redirect URI: the client or the URI itself is not to be trusted."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description
        super().__init__(f"{error}: {description}")


class RedirectRefused(SimulatorError):
    """The app hears of it: `error`, `error_description` and `state` go back to its redirect URI."""

    def __init__(self, error: str, description: str, *, redirect_uri: str, state: str | None) -> None:
        self.location = callback(redirect_uri, error=error, error_description=description, state=state)
        self.error = error
        super().__init__(f"{error}: {description}")


def callback(redirect_uri: str, **query: str | None) -> str:
    """The redirect URI with its answer, percent-encoded once."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{redirect_uri}?{urlencode(given, quote_via=quote, safe='')}"


def read(world: World, query: Mapping[str, str], *, knobs: Knobs) -> AuthRequest:
    """Judges the query; raises `PageRefused` or `RedirectRefused`."""
    client = world.clients.get(query.get("client_key", ""))
    if client is None:
        raise PageRefused("invalid_client", "client_key is missing or unknown")
    redirect_uri, state = query.get("redirect_uri", ""), query.get("state")
    if not redirect_matches(redirect_uri, client.redirect_uris):
        raise PageRefused("invalid_request", "redirect_uri is not one of this app's")

    def back(error: str, description: str) -> RedirectRefused:
        return RedirectRefused(error, description, redirect_uri=redirect_uri, state=state)

    if query.get("response_type") != "code":
        raise back("unsupported_response_type", "response_type must be code")
    scopes = tuple(dict.fromkeys(part.strip() for part in query.get("scope", "").split(",") if part.strip()))
    if not scopes or any(scope not in SCOPES for scope in scopes):
        raise back("invalid_scope", "scope must be a comma-separated list of known scopes")
    challenge = query.get("code_challenge")
    if challenge is None and is_desktop(redirect_uri) and knobs.pkce_for_desktop:
        raise back("invalid_request", "code_challenge is required for desktop apps")
    if challenge is not None and (query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge)):
        raise back("invalid_request", "code_challenge must be the hex SHA-256 of the verifier, method S256")
    if query.get("disable_auto_auth", "0") not in ("0", "1"):
        raise back("invalid_request", "disable_auto_auth must be 0 or 1")
    return AuthRequest(client, scopes, redirect_uri, state, challenge, query.get("disable_auto_auth") == "1")


def check_target(request: AuthRequest, creator: Creator) -> None:
    """A sandbox lets in its target users only."""
    targets = request.client.sandbox_users
    if targets is not None and creator.username not in targets:
        raise RedirectRefused(
            "non_sandbox_target",
            "The user is not a target user of this sandbox",
            redirect_uri=request.redirect_uri,
            state=request.state,
        )


def denied(request: AuthRequest) -> RedirectRefused:
    """The creator said no."""
    return RedirectRefused("access_denied", "User denied", redirect_uri=request.redirect_uri, state=request.state)


def may_skip(world: World, request: AuthRequest, union_id: str) -> Creator | None:
    """The creator who is logged in and granted all this before, unless the app wants to ask again."""
    grant = world.grant_of(request.client.key, union_id)
    if request.always_ask or grant is None or not grant.live or not set(request.scopes) <= set(grant.scopes):
        return None
    return world.creators.get(union_id)
