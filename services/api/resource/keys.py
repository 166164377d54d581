"""API keys: made, listed, revoked. A key cannot make one that may do more than itself."""

from aiohttp import web

from libs.model.ids import new_id
from libs.model.key import Capability, Key, Level, digest, new_secret
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.keys import KeyAnswer, KeyCreated, KeyNew, KeysQuery
from services.api.call import Call, reply
from services.api.page import page
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201 with the key itself, which is shown this once."""
    new = await call.body(KeyNew)
    _check(new, maker=call.key, call=call)
    owner = await call.owner(new.customer_id) if new.customer_id or call.sees else None
    secret = new_secret()
    made = await call.desk.store.keys.create(
        id_=new_id("key", call.now),
        customer_id=owner,
        name=new.name,
        hash_=digest(secret),
        grants={str(capability): str(level) for capability, level in new.grants.items()},
        expires_at=new.expires_at,
        now=call.now,
    )
    return reply(KeyCreated(**dict(shown(made)), secret=secret), status=201, location="/v1/keys")


async def listed(call: Call) -> web.StreamResponse:
    """Keys, newest first, revoked and expired ones included; never the key itself."""
    query = call.query(KeysQuery)
    rows = await call.desk.store.keys.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


async def revoke(call: Call) -> web.StreamResponse:
    """The key opens nothing from the next request on. Revoking twice is fine, revoking oneself too."""
    id_ = call.id("key")
    await call.nothing()
    revoked = await call.desk.store.keys.revoke(id_, customer_id=call.sees, now=call.now)
    if revoked is None:
        raise call.missing("key")
    return reply(shown(revoked))


def shown(key: Key) -> KeyAnswer:
    return KeyAnswer(
        id=key.id,
        customer_id=key.customer_id,
        name=key.name,
        grants=key.grants,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )


def _check(new: KeyNew, *, maker: Key, call: Call) -> None:
    errors = [
        FieldError(
            f"grants.{capability}",
            "exceeds_own",
            "A key cannot grant what it may not do itself.",
            limit=maker.grants.get(capability, Level.OFF),
            found=str(level),
            remedy="Ask for less, or use a key that may do this.",
        )
        for capability, level in new.grants.items()
        if level is not Level.OFF and not maker.allows(capability, write=level is Level.FULL)
    ]
    if new.expires_at is not None and new.expires_at <= call.now:
        errors.append(FieldError("expires_at", "past", "This time is over.", remedy="Name a later time."))
    # Whoever may make keys must not outlive his own by them.
    if maker.expires_at is not None and (new.expires_at is None or new.expires_at > maker.expires_at):
        errors.append(FieldError("expires_at", "exceeds_own", "A key cannot make one that lives longer than itself.",
                                 limit=maker.expires_at.isoformat(), remedy="Name an earlier time."))  # fmt: skip
    if errors:
        raise Refusal(invalid(errors))


ROUTES = (
    Route("POST", "/v1/keys", Capability.KEYS, create, write=True),
    Route("GET", "/v1/keys", Capability.KEYS, listed, query=KeysQuery),
    Route("POST", "/v1/keys/{id}/revoke", Capability.KEYS, revoke, write=True),
)
