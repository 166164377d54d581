"""`/_sim/apps`: the developer portal: apps, redirect URIs, sandboxes, and proving that a URL prefix is yours."""

import hashlib
from typing import Annotated, Any

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from services.simulator.script.shape import BadRequest, answer, body_as, not_found
from services.simulator.world.record import Client
from services.simulator.world.redirect import MAX_URIS, redirect_problem
from services.simulator.world.world import World

SANDBOX_USERS = 10
SANDBOXES = 5
PROOF_TIMEOUT_S = 10.0


class AppSetup(BaseModel):
    """PUT /_sim/apps/{client_key}: what is left out stays, or starts at its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secrets: Annotated[list[str], Field(min_length=1, max_length=2)] | None = Field(
        None, description="live client secrets; webhooks are signed with the first"
    )
    webhook_url: str | None = None
    redirect_uris: list[str] | None = Field(None, description="none registered: any legal one is taken")
    verified_urls: Annotated[list[str], Field(max_length=50)] | None = Field(None, description="domains and prefixes")
    audited: bool | None = None
    research_approved: bool | None = None
    active_user_cap: Annotated[int, Field(ge=0)] | None = None
    sandbox_of: str | None = Field(None, description="makes this app a sandbox of another")
    sandbox_users: list[str] | None = Field(None, description="usernames of the target users")


class Property(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url_prefix: Annotated[str, Field(pattern=r"^https?://[^/?#]+/([^?#]*/)?$", max_length=1024)]


class Portal:
    def __init__(self, world: World) -> None:
        self._world = world

    def mount(self, app: web.Application) -> None:
        path = "/_sim/apps/{client_key}"
        app.router.add_get("/_sim/apps", self.listing)
        app.router.add_put(path, self.setup)
        app.router.add_post(path + "/properties", self.claim)
        app.router.add_post(path + "/properties/verify", self.prove)

    async def listing(self, _: web.Request) -> web.Response:
        return answer({"apps": [shown(client) for client in self._world.clients]})

    async def setup(self, request: web.Request) -> web.Response:
        key = request.match_info["client_key"]
        wanted = await body_as(AppSetup, request)
        client = self._world.clients.get(key)
        if client is None and wanted.secrets is None:
            raise BadRequest("secrets: a new app needs one")
        check(wanted, siblings=[known for known in self._world.clients if known.key != key])
        client = client or Client(key, tuple(wanted.secrets or ()))
        told = wanted.model_dump(exclude_none=True)
        for name, value in told.items():
            setattr(client, name, tuple(value) if isinstance(value, list) else value)
        if wanted.sandbox_of is not None and wanted.sandbox_users is None and client.sandbox_users is None:
            client.sandbox_users = ()
        self._world.clients.add(key, client)
        return answer(shown(client))

    async def claim(self, request: web.Request) -> web.Response:
        """The signature file to put under the prefix, as the portal hands it out."""
        client = self._world.clients.get(request.match_info["client_key"])
        if client is None:
            return not_found("app")
        wanted = await body_as(Property, request)
        name, content = proof(client, wanted.url_prefix)
        return answer({"url_prefix": wanted.url_prefix, "file_name": name, "content": content}, status=201)

    async def prove(self, request: web.Request) -> web.Response:
        """Fetches the signature file; the prefix is open to pulls once it is found."""
        client = self._world.clients.get(request.match_info["client_key"])
        if client is None:
            return not_found("app")
        wanted = await body_as(Property, request)
        name, content = proof(client, wanted.url_prefix)
        timeout = aiohttp.ClientTimeout(total=PROOF_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(trust_env=False, timeout=timeout) as session,
                session.get(wanted.url_prefix + name, allow_redirects=False) as response,
            ):
                found = (await response.content.read(4096)).decode("utf-8", "replace").strip()
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return answer({"verified": False, "reason": type(error).__name__})
        if status != 200 or found != content:
            return answer(
                {"verified": False, "reason": f"HTTP {status}, content differs" if found else f"HTTP {status}"}
            )
        client.verified_urls = tuple(dict.fromkeys((*client.verified_urls, wanted.url_prefix)))
        return answer({"verified": True})


def proof(client: Client, prefix: str) -> tuple[str, str]:
    """File name and content; the same for the same app and prefix."""
    token = hashlib.sha256(f"{client.key} {prefix}".encode()).hexdigest()[:32]
    return f"tiktok{token}.txt", f"tiktok-developers-site-verification={token}"


def check(wanted: AppSetup, *, siblings: list[Client]) -> None:
    """The portal's own limits (fact sheet 1.1)."""
    uris = wanted.redirect_uris or []
    if len(uris) > MAX_URIS:
        raise BadRequest(f"redirect_uris: at most {MAX_URIS}")
    for uri in uris:
        if (problem := redirect_problem(uri, registering=True)) is not None:
            raise BadRequest(f"redirect_uris: {uri!r}: {problem}")
    if len(wanted.sandbox_users or ()) > SANDBOX_USERS:
        raise BadRequest(f"sandbox_users: at most {SANDBOX_USERS}")
    if wanted.sandbox_of is not None:
        if all(known.key != wanted.sandbox_of for known in siblings):
            raise BadRequest("sandbox_of: no such app")
        if sum(known.sandbox_of == wanted.sandbox_of for known in siblings) >= SANDBOXES:
            raise BadRequest(f"sandbox_of: at most {SANDBOXES} sandboxes per app")


def shown(client: Client) -> dict[str, Any]:
    return {
        "client_key": client.key,
        "secrets": len(client.secrets),
        "webhook_url": client.webhook_url,
        "redirect_uris": list(client.redirect_uris),
        "verified_urls": list(client.verified_urls),
        "audited": client.audited,
        "research_approved": client.research_approved,
        "active_user_cap": client.active_user_cap,
        "sandbox_of": client.sandbox_of,
        "sandbox_users": None if client.sandbox_users is None else list(client.sandbox_users),
    }
