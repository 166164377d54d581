"""Connecting accounts by OAuth: a link for the creator, and the exchange for those who catch the browser themselves."""

from datetime import timedelta
from typing import Final

from aiohttp import web

from libs.accounts.connect import Connected, Ended
from libs.model.account import Account
from libs.model.connect import Judged
from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.accounts import ConnectAnswer, ConnectNew, ExchangeNew, ReconnectAnswer, ReconnectNew
from libs.tiktok.oauth import SCOPES, redirect_problem
from services.api.audit import OWNER
from services.api.body import parsed, read_object
from services.api.call import Call, reply
from services.api.doc import connect as doc
from services.api.resource.account_found import found
from services.api.resource.accounts import group_taken, shown, unknown
from services.api.route import Route
from services.api.settings import RECONNECT

AGAIN: Final = "Begin again with POST /v1/accounts/connect."
SAID: Final[dict[Judged, tuple[int, str]]] = {
    Judged.UNKNOWN_STATE: (422, "No such state was given to this customer."),
    Judged.REPLAYED_STATE: (422, "The state was used before."),
    Judged.EXPIRED_STATE: (422, "The state is older than fifteen minutes."),
    Judged.WRONG_REDIRECT: (422, "The state was made for another redirect_uri."),
    Judged.NO_ANSWER: (422, "There is neither a code nor an error."),
    Judged.DENIED: (422, "The creator did not agree."),
    Judged.REFUSED_BY_TIKTOK: (422, "TikTok refused."),
    Judged.EXPIRED_CODE: (422, "TikTok says that the code has expired or was used before."),
    Judged.FOREIGN_CODE: (422, "The code was given to another browser than the one this state was made for."),
    Judged.TIKTOK_TROUBLE: (503, "TikTok is in trouble, or its answer was lost."),
    Judged.UNKNOWN_APP: (409, "The TikTok app has no secret here any more."),
    Judged.OTHER_CREATOR: (409, "Another creator consented than the one whose account was to be connected again."),
}


async def connect(call: Call) -> web.StreamResponse:
    """201: where to send the creator's browser. The state is random, for one use, this customer and this redirect."""
    return reply(await begin(call, await call.body(ConnectNew)), status=201)


async def begin(call: Call, new: ConnectNew) -> ConnectAnswer:
    """A consent that is asked for. Raises `Refusal`."""
    owner = await call.owner(new.customer_id)
    line = call.desk.tiktok
    redirect = new.redirect_uri or line.callback_url()
    scopes = tuple(dict.fromkeys(new.scopes or call.desk.settings.tiktok_scopes))
    errors = _errors(redirect, scopes)
    client_key = await line.apps.of_customer(owner)
    if client_key is None:
        detail = "There is no TikTok app to connect with."
        errors.append(FieldError("customer_id", "no_app", detail, remedy="Set TIKTOK_CLIENT_KEY, or register an app."))
    if new.account_id is not None:
        account = await call.desk.store.accounts.get(new.account_id, customer_id=owner)
        if account is None:
            errors.append(unknown("account_id"))
        elif account.client_key != client_key:
            detail = "It belongs to another TikTok app, whose open_ids are others."
            errors.append(FieldError("account_id", "other_app", detail, remedy="Connect it as a new account."))
    group = await call.desk.store.groups.get(new.group_id, customer_id=owner) if new.group_id is not None else None
    if new.group_id is not None and group is None:
        errors.append(unknown("group_id"))
    if errors or client_key is None:
        raise Refusal(invalid(errors))
    if group is not None and group.account_id not in (None, new.account_id):
        raise Refusal(group_taken(group))
    begun = await line.connector.begin(
        customer_id=owner,
        client_key=client_key,
        redirect_uri=redirect,
        scopes=scopes,
        made_by=call.key.id,
        account_id=new.account_id,
        group_id=new.group_id,
        always_ask=new.always_ask,
    )
    return ConnectAnswer(
        auth_url=begun.auth_url, state=begun.state, redirect_uri=redirect, scopes=scopes, expires_at=begun.expires_at
    )


async def reconnect(call: Call) -> web.StreamResponse:
    """201: two ways for this account's creator to connect it again: TikTok's page for a browser that is here now, and a
    link to send, which works for days. Nobody else's consent will do."""
    call.id("acc")
    new = parsed(ReconnectNew, await read_object(call.request, optional=True))
    account = await found(call)
    line = call.desk.tiktok
    redirect = new.redirect_uri or line.callback_url()
    scopes = tuple(dict.fromkeys(new.scopes or _everything(account, call.desk.settings.tiktok_scopes)))
    if errors := _errors(redirect, scopes):
        raise Refusal(invalid(errors))
    if account.client_key != await line.apps.of_customer(account.customer_id):
        detail = "The account belongs to a TikTok app that is its customer's no more, and open_ids differ between apps."
        remedy = "Connect it as a new account with POST /v1/accounts/connect."
        raise Refusal(Problem("unknown_app", "The account cannot be connected again", 409, detail, remedy))
    invited = await line.connector.invite(
        account,
        redirect_uri=redirect,
        scopes=scopes,
        made_by=call.key.id,
        life=timedelta(days=new.link_days),
        always_ask=new.always_ask,
    )
    begun = await line.connector.begin(
        customer_id=account.customer_id,
        client_key=account.client_key,
        redirect_uri=redirect,
        scopes=scopes,
        made_by=call.key.id,
        account_id=account.id,
        always_ask=new.always_ask,
    )
    call.request[OWNER] = account.customer_id
    answer = ReconnectAnswer(
        auth_url=begun.auth_url,
        state=begun.state,
        redirect_uri=redirect,
        scopes=scopes,
        expires_at=begun.expires_at,
        link=f"{call.desk.base_url()}{RECONNECT.format(token=invited.token)}",
        link_expires_at=invited.expires_at,
    )
    return reply(answer, status=201)


async def exchange(call: Call) -> web.StreamResponse:
    """201: a new account. 200: the customer had it; it keeps its id. The state is used up whatever comes of it."""
    account = (await finish(call, await call.body(ExchangeNew))).account
    return reply(shown(account), status=201 if account.grant_n == 1 else 200, location=f"/v1/accounts/{account.id}")


async def finish(call: Call, new: ExchangeNew) -> Connected:
    """What a consent brought. Raises `Refusal`, which says how else it ended."""
    query = {"state": new.state}
    if new.error is not None:
        query["error"] = new.error
    elif new.code is not None:
        query["code"] = new.code.get_secret_value()
    ended = await call.desk.tiktok.connector.returned(query, redirect_uri=new.redirect_uri, customer_id=call.sees)
    if isinstance(ended, Ended):
        raise Refusal(_problem(ended))
    await call.ring("notifier", "publisher")
    return ended


def _everything(account: Account, usual: tuple[str, ...]) -> tuple[str, ...]:
    """What it could do, what it was to do, and what is asked of everybody: connecting again loses nothing."""
    every = {*account.scopes, *account.wanted, *usual}
    return tuple(scope for scope in SCOPES if scope in every)


def _errors(redirect: str, scopes: tuple[str, ...]) -> list[FieldError]:
    errors = [
        FieldError("scopes", "unknown_scope", "This is no scope of TikTok's that is used here.",
                   found=scope, limit=", ".join(SCOPES), remedy="Use the scopes that are listed.")
        for scope in scopes if scope not in SCOPES
    ]  # fmt: skip
    if (problem := redirect_problem(redirect)) is not None:
        remedy = "Send the address that is registered at TikTok, to the byte, or leave it out."
        errors.append(FieldError("redirect_uri", "bad_redirect", problem, remedy=remedy))
    return errors


def _problem(ended: Ended) -> Problem:
    status, detail = SAID[ended.why]
    said = f"{detail} {ended.detail}".strip()
    return Problem(str(ended.why), "The account was not connected", status, said, AGAIN, status == 503)


ROUTES = (
    Route("POST", "/v1/accounts/connect", Capability.ACCOUNTS, connect, doc=doc.CONNECT, write=True),
    Route(
        "POST",
        "/v1/accounts/{id}/reconnect",
        Capability.ACCOUNTS,
        reconnect,
        doc=doc.RECONNECT,
        write=True,
        per_account=True,
    ),
    Route("POST", "/v1/accounts/exchange", Capability.ACCOUNTS, exchange, doc=doc.EXCHANGE, write=True),
)
