"""Endpoints between the REST API and the model: what is shown, what is refused, what a change makes of one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from libs import signing
from libs.egress import check_custom_header
from libs.model.endpoint import SCHEDULE, Endpoint, Naming, Scheme, Secret, naming_errors, pattern_errors
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.endpoints import (
    EndpointAnswer,
    EndpointChange,
    EndpointNew,
    PublicKeyAnswer,
    SigningKeyAnswer,
)
from services.api.call import Call

EMPTIABLE = frozenset({"schedule_s", "rate_per_s", "concurrency"})
"""Where null says: the default again."""


def shown(endpoint: Endpoint, *, now: datetime) -> EndpointAnswer:
    return EndpointAnswer(
        id=endpoint.id,
        customer_id=endpoint.customer_id,
        url=endpoint.url,
        events=endpoint.events,
        description=endpoint.description,
        accounts=endpoint.accounts,
        header_names=tuple(endpoint.headers),
        payload=endpoint.payload,
        naming=endpoint.naming,
        signing_keys=tuple(_key(secret) for secret in endpoint.live(now)),
        schedule_s=tuple(wait // timedelta(seconds=1) for wait in endpoint.schedule),
        timeout_s=round(endpoint.timeout_s, 3),  # kept in single precision
        rate_per_s=endpoint.rate_per_s,
        concurrency=endpoint.concurrency,
        disable_after_days=round(endpoint.disable_after / timedelta(days=1), 4),
        ordering=endpoint.ordering,
        state=endpoint.state,
        reason=endpoint.reason,
        disabled_for=endpoint.disabled_for,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
    )


def fresh_keys(schemes: Iterable[Scheme]) -> list[str]:
    """One new key of each scheme, as texts."""
    return [
        signing.new_signing_key().reveal() if scheme is Scheme.V1A else signing.new_secret().reveal()
        for scheme in dict.fromkeys(schemes)
    ]


def shared_secret(keys: Iterable[str]) -> str | None:
    """The one to show once. The private half of a pair is nobody's but ours."""
    return next((key for key in keys if Secret(key).scheme is Scheme.V1), None)


def public_keys(endpoint: Endpoint, *, now: datetime) -> tuple[PublicKeyAnswer, ...]:
    shown = [_key(secret) for secret in endpoint.live(now)]
    return tuple(
        PublicKeyAnswer(public_key=key.public_key, signs_until=key.signs_until) for key in shown if key.public_key
    )


def settings(new: EndpointNew | EndpointChange) -> dict[str, Any]:
    """The fields of an `Endpoint` that were given, in the model's form."""
    given = {name: getattr(new, name) for name in new.model_fields_set}
    fields = {name: value for name, value in given.items() if name not in ("customer_id", "signatures")}
    if "schedule_s" in fields:
        waits = fields.pop("schedule_s")
        fields["schedule"] = tuple(timedelta(seconds=wait) for wait in waits) if waits is not None else SCHEDULE
    if "disable_after_days" in fields:
        fields["disable_after"] = timedelta(days=fields.pop("disable_after_days"))
    for name in ("events", "accounts"):
        if name in fields:
            fields[name] = tuple(dict.fromkeys(fields[name]))
    return fields


def changed(endpoint: Endpoint, new: EndpointChange) -> Endpoint:
    return replace(endpoint, **settings(new))


async def check(call: Call, new: EndpointNew | EndpointChange, *, owner: str, was: Endpoint | None = None) -> None:
    """Raises `Refusal` for whatever cannot be told from the fields' forms; `was` is what is changed."""
    nulls = [name for name in new.model_fields_set if getattr(new, name) is None and name not in EMPTIABLE]
    errors = [FieldError(name, "null", "This cannot be emptied.") for name in sorted(nulls) if name != "customer_id"]
    errors += pattern_errors(new.events) if new.events is not None else []
    naming = new.naming if isinstance(new, EndpointNew) else was.naming if was else Naming.NATIVE
    errors += naming_errors(new.events or (), naming) if not errors else []
    errors += _header_errors(new.headers or {})
    errors += await _account_errors(call, new.accounts or (), owner=owner)
    if new.schedule_s and new.schedule_s[0] != 0:
        errors.append(FieldError("schedule_s.0", "first_wait", "The first try comes at once.", limit=0,
                                 found=new.schedule_s[0], remedy="Begin the list with 0."))  # fmt: skip
    if not errors and new.url is not None:
        refusal = await call.desk.egress.check(new.url)
        if refusal is not None:
            errors.append(FieldError("url", str(refusal.reason), _sentence(refusal.detail), remedy=refusal.remedy))
    if errors:
        raise Refusal(invalid(errors))


def _header_errors(headers: Mapping[str, str]) -> list[FieldError]:
    errors = []
    seen: set[str] = set()
    for place, (name, value) in enumerate(headers.items()):
        refusal = check_custom_header(name, value)
        if refusal is not None:
            errors.append(FieldError(f"headers.{place}", "header", _sentence(refusal.detail),
                                     remedy="Remove it or use another name."))  # fmt: skip
        elif name.lower() in seen:
            errors.append(FieldError(f"headers.{place}", "repeated", "This header is given twice, in other letters.",
                                     remedy="Remove one of them."))  # fmt: skip
        seen.add(name.lower())
    return errors


async def _account_errors(call: Call, accounts: tuple[str, ...], *, owner: str) -> list[FieldError]:
    known = await call.desk.store.accounts.get_many(accounts, customer_id=owner) if accounts else {}
    return [
        FieldError(f"accounts.{place}", "unknown_account", "The customer has no such account.", found=account,
                   remedy="List the accounts to find the right one.")
        for place, account in enumerate(accounts)
        if account not in known
    ]  # fmt: skip


def _key(secret: Secret) -> SigningKeyAnswer:
    key = signing.parse_secret(secret.text)
    public = key.public.text if isinstance(key, signing.SigningKey) else None
    return SigningKeyAnswer(signature=secret.scheme, public_key=public, signs_until=secret.until)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
