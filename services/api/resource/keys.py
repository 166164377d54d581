"""API keys: made, listed, changed, rotated, revoked. A key cannot give away more than it has itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from libs.model.event import stamp
from libs.model.key import PER_ACCOUNT, Capability, Key, Level, Scoped, digest, new_secret
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.keys import (
    KeyAnswer,
    KeyChange,
    KeyCreated,
    KeyNew,
    KeyRotate,
    KeysQuery,
    ScopedAnswer,
    ScopedGrants,
)
from services.api.body import parsed, read_object
from services.api.call import Call, reply
from services.api.doc import keys as doc
from services.api.page import page
from services.api.route import Route

LIVE_MAX = 1000
"""Keys in use at once, of one customer or of the operators together. Those made at the same moment do not see
one another: it may be a few more."""


async def create(call: Call) -> web.StreamResponse:
    """201 with the key itself, which is shown this once."""
    new = await call.body(KeyNew)
    if not new.grants and not new.scoped:
        detail = "A key that may do nothing is of no use."
        raise Refusal(invalid([FieldError("grants", "required", detail, remedy="Grant something.")]))
    owner = await call.owner(new.customer_id) if new.customer_id or call.sees else None
    wish = Key(
        id=call.new_id("key"),
        customer_id=owner,
        name=new.name,
        grants={str(capability): str(level) for capability, level in new.grants.items()},
        created_at=call.now,
        expires_at=new.expires_at,
        scoped=_scoped(new.scoped),
        rate_per_minute=new.rate_per_minute,
    )
    await _check(wish, call)
    if await call.desk.store.keys.count(customer_id=owner, besides=wish.id, now=call.now) >= LIVE_MAX:
        raise Refusal(_too_many())
    secret = new_secret()
    made = await call.desk.store.keys.create(
        id_=wish.id,
        customer_id=owner,
        name=wish.name,
        hash_=digest(secret),
        grants=wish.grants,
        expires_at=wish.expires_at,
        now=call.now,
        scoped=wish.scoped,
        rate_per_minute=wish.rate_per_minute,
    )
    return reply(KeyCreated(**dict(shown(made)), secret=secret), status=201, location=f"/v1/keys/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Keys, newest first, revoked and expired ones included; never the key itself."""
    query = call.query(KeysQuery)
    rows = await call.desk.store.keys.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One key; never the key itself."""
    return reply(shown(await _found(call)))


async def change(call: Call) -> web.StreamResponse:
    """Changes what is given; grants hold on the next call. `expires_at` and `rate_per_minute` may be set to null."""
    call.id("key")
    new = await call.body(KeyChange)
    given = new.model_fields_set
    if nulls := [name for name in ("name", "grants", "scoped") if name in given and getattr(new, name) is None]:
        raise Refusal(invalid([FieldError(name, "null", "This cannot be emptied.") for name in nulls]))
    found = await _found(call)
    wish = replace(
        found,
        name=new.name or found.name,
        grants=found.grants if new.grants is None else {str(name): str(level) for name, level in new.grants.items()},
        scoped=found.scoped if new.scoped is None else _scoped(new.scoped),
        expires_at=new.expires_at if "expires_at" in given else found.expires_at,
        rate_per_minute=new.rate_per_minute if "rate_per_minute" in given else found.rate_per_minute,
    )
    if given - {"name"}:
        await _check(wish, call)
    return reply(shown(await call.desk.store.keys.change(wish)))


async def rotate(call: Call) -> web.StreamResponse:
    """200 with the new secret, which is shown this once. Whoever could not make such a key cannot take it over."""
    call.id("key")
    new = parsed(KeyRotate, await read_object(call.request, optional=True))
    found = await _found(call)
    if not found.usable(call.now):
        detail = "It was revoked, or its time is over."
        raise Refusal(Problem("key_over", "The key is over", 409, detail, "Make a new key."))
    await _check(found, call)
    secret = new_secret()
    made = await call.desk.store.keys.rotate(
        found.id, hash_=digest(secret), former_until=call.now + timedelta(seconds=new.grace_s)
    )
    return reply(KeyCreated(**dict(shown(made)), secret=secret))


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
        grants=dict(key.grants),
        scoped=tuple(
            ScopedAnswer(
                account_id=one.account_id,
                group_id=one.group_id,
                holds=one.holds,
                capability=one.capability,
                level=one.level,
            )
            for one in key.scoped
        ),
        rate_per_minute=key.rate_per_minute,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )


async def _found(call: Call) -> Key:
    found = await call.desk.store.keys.get(call.id("key"), customer_id=call.sees)
    if found is None:
        raise call.missing("key")
    return found


def _scoped(given: Sequence[ScopedGrants]) -> tuple[Scoped, ...]:
    """The grants one by one. Raises `Refusal` for what names no place, two, or the same one twice."""
    errors: list[FieldError] = []
    made: dict[tuple[str | None, str | None, Capability], Scoped] = {}
    for place, one in enumerate(given):
        if (one.account_id is None) == (one.group_id is None):
            detail = "A scoped grant names an account or a group."
            errors.append(FieldError(f"scoped.{place}", "one_place", detail, remedy="Name one of the two."))
        for capability, level in one.grants.items():
            field = f"scoped.{place}.grants.{capability}"
            if capability not in PER_ACCOUNT:
                detail = "This is not about single accounts."
                errors.append(FieldError(field, "not_per_account", detail, limit=", ".join(sorted(PER_ACCOUNT)),
                                         remedy="Grant it in grants."))  # fmt: skip
            if (one.account_id, one.group_id, capability) in made:
                errors.append(FieldError(field, "repeated", "This is granted twice.", remedy="Say it once."))
            made[one.account_id, one.group_id, capability] = Scoped(capability, level, one.account_id, one.group_id)
    if errors:
        raise Refusal(invalid(errors))
    return tuple(made.values())


async def _check(wish: Key, call: Call) -> None:
    """Raises `Refusal` unless the caller could do and outlive all of this."""
    maker = call.key
    errors = [
        _exceeds(f"grants.{capability}", maker.grants.get(capability, Level.OFF), level)
        for capability, level in wish.grants.items()
        if level != Level.OFF and not _whole(maker, Capability(capability), Level(level))
    ]
    places = [one.account_id or one.group_id or "" for one in wish.scoped]
    unknown = await call.desk.store.keys.unknown_places(places, customer_id=wish.customer_id) if places else set()
    for place, one in zip(places, wish.scoped, strict=True):
        field = f"scoped.{place}.{one.capability}"
        if place in unknown:
            errors.append(FieldError(field, "unknown", "There is no such account or group.", remedy="Correct the id."))
        elif one.level is not Level.OFF and not _covers(maker, one):
            errors.append(_exceeds(field, Level.OFF, one.level))
    if wish.expires_at is not None and wish.expires_at <= call.now:
        errors.append(FieldError("expires_at", "past", "This time is over.", remedy="Name a later time."))
    # Whoever may make keys must not outlive his own by them.
    if maker.expires_at is not None and (wish.expires_at is None or wish.expires_at > maker.expires_at):
        errors.append(FieldError("expires_at", "exceeds_own", "A key cannot make one that lives longer than itself.",
                                 limit=stamp(maker.expires_at), remedy="Name an earlier time."))  # fmt: skip
    rate = maker.rate_per_minute
    if rate is not None and (wish.rate_per_minute is None or wish.rate_per_minute > rate):
        errors.append(FieldError("rate_per_minute", "exceeds_own", "A key cannot make one that may ask more often.",
                                 limit=rate, remedy="Name at most the limit."))  # fmt: skip
    if errors:
        raise Refusal(invalid(errors))


def _whole(maker: Key, capability: Capability, level: Level) -> bool:
    reach = maker.reach(capability, write=level is Level.FULL)
    return reach is not None and reach.whole


def _covers(maker: Key, one: Scoped) -> bool:
    """Whether the maker has as much at this very place. Members change: an account's grant is no group's."""
    if _whole(maker, one.capability, one.level):
        return True
    write = one.level is Level.FULL
    if one.account_id is not None:
        reach = maker.reach(one.capability, write=write)
        return reach is not None and reach.has(one.account_id)
    same = [each for each in maker.scoped if (each.group_id, each.capability) == (one.group_id, one.capability)]
    return any(each.level.opens(write=write) for each in same)


def _too_many() -> Problem:
    detail = f"There are {LIVE_MAX} keys in use, which is as many as there may be."
    remedy = "Revoke some that are no longer used (DELETE /v1/keys/{id}), or rotate one instead of making another."
    return Problem("too_many_live_keys", "No more keys", 409, detail, remedy)


def _exceeds(field: str, limit: str, found: str) -> FieldError:
    detail = "A key cannot grant what it may not do itself."
    remedy = "Ask for less, or use a key that may do this."
    return FieldError(field, "exceeds_own", detail, limit=str(limit), found=str(found), remedy=remedy)


ROUTES = (
    Route("POST", "/v1/keys", Capability.KEYS, create, doc=doc.CREATE, write=True),
    Route("GET", "/v1/keys", Capability.KEYS, listed, doc=doc.LISTED, query=KeysQuery),
    Route("GET", "/v1/keys/{id}", Capability.KEYS, get, doc=doc.GET),
    Route("PATCH", "/v1/keys/{id}", Capability.KEYS, change, doc=doc.CHANGE, write=True),
    Route("POST", "/v1/keys/{id}/rotate", Capability.KEYS, rotate, doc=doc.ROTATE, write=True),
    Route("POST", "/v1/keys/{id}/revoke", Capability.KEYS, revoke, doc=doc.REVOKE, write=True),
)
