"""Login Kit's rules: codes, tokens, refreshes, revocation (fact sheet 1). The wire is `wire/oauth.py`."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.simulator.knobs import Knobs, RefreshRotation
from services.simulator.world.error import OAuthRefused
from services.simulator.world.record import (
    RESEARCH_SCOPE,
    AccessToken,
    AuthCode,
    Client,
    Creator,
    Grant,
    RefreshToken,
)
from services.simulator.world.world import World

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
CHALLENGE = re.compile(r"[0-9a-f]{64}")


def authenticate(world: World, form: Mapping[str, str]) -> Client:
    """The app behind `client_key` and `client_secret`; any of its live secrets will do."""
    key, secret = form.get("client_key"), form.get("client_secret")
    if not key:
        raise OAuthRefused("invalid_request", "Client key is missed in request.")
    if not secret:
        raise OAuthRefused("invalid_request", "Client secret is missed in request.")
    client = world.clients.get(key)
    if client is None or not any(hmac.compare_digest(secret.encode(), known.encode()) for known in client.secrets):
        raise OAuthRefused("invalid_client", "Client key or secret is incorrect.")
    return client


def token_answer(world: World, form: Mapping[str, str], *, now: datetime, knobs: Knobs) -> dict[str, Any]:
    """POST /v2/oauth/token/: the flat success body. Raises `OAuthRefused`."""
    grant_type = form.get("grant_type")
    if not grant_type:
        raise OAuthRefused("invalid_request", "The request parameters are malformed.")
    client = authenticate(world, form)
    match grant_type:
        case "authorization_code":
            return _exchange(world, client, form, now=now, knobs=knobs)
        case "refresh_token":
            return _refresh(world, client, form, now=now, knobs=knobs)
        case "client_credentials":
            return _client_token(world, client, now=now, knobs=knobs)
        case _:
            raise OAuthRefused("unsupported_grant_type", "The grant type is not supported.")


def _exchange(world: World, client: Client, form: Mapping[str, str], *, now: datetime, knobs: Knobs) -> dict[str, Any]:
    given, redirect_uri = form.get("code"), form.get("redirect_uri")
    if not given or not redirect_uri:
        raise OAuthRefused("invalid_request", "The request parameters are malformed.")
    code = world.codes.get(given)
    if code is None or code.client_key != client.key or code.used or now >= code.expires_at:
        raise OAuthRefused("invalid_grant", "Authorization code is expired.")
    if redirect_uri != code.redirect_uri:
        raise OAuthRefused("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
    # Without a challenge a verifier is tolerated (fact sheet 1.1).
    if code.challenge is not None and not verifier_matches(form.get("code_verifier", ""), code.challenge):
        raise OAuthRefused("invalid_grant", "Code verifier or code challenge is invalid.")
    creator = world.creators.get(code.union_id)
    if creator is None:
        raise OAuthRefused("invalid_grant", "Authorization code is expired.")
    code.used = True
    grant = authorize(world, client, creator, code.scopes, now=now)
    return issue(world, grant, code.scopes, now=now, knobs=knobs)


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Hex SHA-256, not base64url."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    return hmac.compare_digest(hashlib.sha256(verifier.encode()).hexdigest(), challenge)


def authorize(world: World, client: Client, creator: Creator, scopes: tuple[str, ...], *, now: datetime) -> Grant:
    """Makes or renews the grant; a reconnect keeps its open_id."""
    grant = world.grant_of(client.key, creator.union_id)
    if grant is None:
        grant = Grant(world.ids.open_id(), client.key, creator.union_id, scopes, now)
        world.add_grant(grant)
    grant.scopes, grant.granted_at, grant.removed_at, grant.removed_reason = scopes, now, None, None
    return grant


def issue(world: World, grant: Grant, scopes: tuple[str, ...], *, now: datetime, knobs: Knobs) -> dict[str, Any]:
    """A fresh pair of tokens, 24 h and 365 d."""
    refresh = RefreshToken(
        token=world.ids.token("rft."),
        open_id=grant.open_id,
        scopes=scopes,
        first_issued_at=now,
        expires_at=now + timedelta(seconds=knobs.refresh_token_ttl_s),
    )
    world.refresh.add(refresh.token, refresh)
    return _pair(world, grant, refresh, now=now, knobs=knobs)


def _pair(world: World, grant: Grant, refresh: RefreshToken, *, now: datetime, knobs: Knobs) -> dict[str, Any]:
    access = AccessToken(
        token=world.ids.token("act."),
        client_key=grant.client_key,
        open_id=grant.open_id,
        scopes=refresh.scopes,
        expires_at=now + timedelta(seconds=knobs.access_token_ttl_s),
        refresh_token=refresh.token,
    )
    world.access.add(access.token, access)
    return {
        "access_token": access.token,
        "expires_in": int(knobs.access_token_ttl_s),
        "open_id": grant.open_id,
        "refresh_token": refresh.token,
        "refresh_expires_in": int((refresh.expires_at - now).total_seconds()),
        "scope": ",".join(refresh.scopes),
        "token_type": "Bearer",
    }


def _refresh(world: World, client: Client, form: Mapping[str, str], *, now: datetime, knobs: Knobs) -> dict[str, Any]:
    given = form.get("refresh_token")
    if not given:
        raise OAuthRefused("invalid_request", "The request parameters are malformed.")
    old = world.refresh.get(given)
    grant = world.grants.get(old.open_id) if old else None
    dead = old is None or now >= old.expires_at or (old.dead_from is not None and now >= old.dead_from)
    if old is None or grant is None or dead or grant.client_key != client.key or not grant.live:
        raise OAuthRefused("invalid_grant", "Refresh token is invalid or expired.")
    if knobs.refresh_kills_access:
        for token in list(world.access):
            if token.refresh_token == given:
                token.ended = True
    if knobs.refresh_rotation is RefreshRotation.SAME:
        if knobs.refresh_expiry == "reset":
            old.expires_at = now + timedelta(seconds=knobs.refresh_token_ttl_s)
        return _pair(world, grant, old, now=now, knobs=knobs)
    grace = knobs.refresh_grace_s if knobs.refresh_rotation is RefreshRotation.GRACE else 0.0
    if old.dead_from is None:
        old.dead_from = now + timedelta(seconds=grace)
    reset = knobs.refresh_expiry == "reset"
    fresh = RefreshToken(
        token=world.ids.token("rft."),
        open_id=grant.open_id,
        scopes=old.scopes,
        first_issued_at=old.first_issued_at,
        expires_at=now + timedelta(seconds=knobs.refresh_token_ttl_s) if reset else old.expires_at,
    )
    world.refresh.add(fresh.token, fresh)
    return _pair(world, grant, fresh, now=now, knobs=knobs)


def _client_token(world: World, client: Client, *, now: datetime, knobs: Knobs) -> dict[str, Any]:
    scopes = (RESEARCH_SCOPE,) if client.research_approved else ()
    expires_at = now + timedelta(seconds=knobs.client_token_ttl_s)
    token = AccessToken(world.ids.token("clt."), client.key, None, scopes, expires_at)
    world.access.add(token.token, token)
    return {"access_token": token.token, "expires_in": int(knobs.client_token_ttl_s), "token_type": "Bearer"}


def new_code(
    world: World,
    client: Client,
    creator: Creator,
    *,
    scopes: tuple[str, ...],
    redirect_uri: str,
    challenge: str | None,
    now: datetime,
    knobs: Knobs,
) -> AuthCode:
    """What the consent page sends back with the browser."""
    code = AuthCode(
        code=world.ids.code(),
        client_key=client.key,
        union_id=creator.union_id,
        scopes=scopes,
        redirect_uri=redirect_uri,
        challenge=challenge,
        expires_at=now + timedelta(seconds=knobs.code_ttl_s),
    )
    world.codes.add(code.code, code)
    return code


def live_token(world: World, token: str, *, now: datetime) -> AccessToken | None:
    """The access token when it works now; a client token too."""
    known = world.access.get(token)
    if known is None or known.ended or now >= known.expires_at:
        return None
    if known.open_id is None:
        return known
    grant = world.grants.get(known.open_id)
    return known if grant is not None and grant.live else None


def remove_grant(world: World, grant: Grant, *, reason: int, now: datetime) -> None:
    """Ends the grant and all its tokens; a later reconnect gives new ones."""
    grant.removed_at, grant.removed_reason = now, reason
    for token in world.access:
        if token.open_id == grant.open_id:
            token.ended = True
    for refresh in world.refresh:
        if refresh.open_id == grant.open_id:
            refresh.dead_from = now
