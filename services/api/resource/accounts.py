"""Accounts: created directly with the tokens that TikTok's token endpoint gave. No answer shows a token."""

from datetime import timedelta

from aiohttp import web

from libs.model.account import Account
from libs.model.event import Event, EventType, event
from libs.model.ids import new_id
from libs.model.key import Capability
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.accounts import AccountAnswer, AccountNew, AccountsQuery
from libs.store.accounts import Tokens
from services.api.call import Call, reply
from services.api.page import page
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201: a new account. 200: the customer had it already; it is connected anew with these tokens and keeps its id."""
    new = await call.body(AccountNew)
    client_key = _client_key(new.client_key, ours=call.desk.settings.tiktok_client_key)
    owner = await call.owner(new.customer_id)
    made = await call.desk.store.accounts.connect(
        id_=new_id("acc", call.now),
        customer_id=owner,
        client_key=client_key,
        open_id=new.open_id,
        username=new.username,
        display_name=new.display_name,
        tokens=_tokens(new, call=call),
        now=call.now,
        tell=lambda account: [connected(account, call=call)],
    )
    await call.ring("notifier")
    return reply(shown(made), status=201 if made.grant_n == 1 else 200, location=f"/v1/accounts/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Accounts, newest first."""
    query = call.query(AccountsQuery)
    rows = await call.desk.store.accounts.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One account."""
    found = await call.desk.store.accounts.get(call.id("acc"), customer_id=call.sees)
    if found is None:
        raise call.missing("acc")
    return reply(shown(found))


def connected(account: Account, *, call: Call) -> Event:
    """Told once per grant."""
    return event(
        EventType.ACCOUNT_CONNECTED,
        key=f"{account.id}:connected:{account.grant_n}",
        now=call.now,
        data=account.describe(),
        customer_id=account.customer_id,
        account_id=account.id,
    )


def shown(account: Account) -> AccountAnswer:
    return AccountAnswer(
        id=account.id,
        customer_id=account.customer_id,
        client_key=account.client_key,
        open_id=account.open_id,
        username=account.username,
        display_name=account.display_name,
        state=account.state,
        reason=account.reason,
        scopes=account.scopes,
        granted_at=account.granted_at,
        access_expires_at=account.access_expires_at,
        refresh_expires_at=account.refresh_expires_at,
        created_at=account.created_at,
    )


def _client_key(named: str | None, *, ours: str) -> str:
    """The app the tokens belong to. With another app's, they could never be refreshed."""
    if named is None and not ours:
        detail = "No TikTok app is configured, so the account has to name one."
        raise Refusal(invalid([FieldError("client_key", "required", detail, remedy="Add client_key.")]))
    if named is not None and ours and named != ours:
        detail = "This is not the client key of the TikTok app that is configured."
        raise Refusal(invalid([FieldError("client_key", "unknown_app", detail, remedy="Leave client_key out.")]))
    return named or ours


def _tokens(new: AccountNew, *, call: Call) -> Tokens:
    refresh_s = new.refresh_expires_in
    return Tokens(
        access_token=new.access_token.get_secret_value(),
        refresh_token=new.refresh_token.get_secret_value(),
        access_expires_at=call.now + timedelta(seconds=new.expires_in),
        refresh_expires_at=call.now + timedelta(seconds=refresh_s) if refresh_s else None,
        scopes=tuple(dict.fromkeys(new.scopes)),
    )


ROUTES = (
    Route("POST", "/v1/accounts", Capability.ACCOUNTS, create, write=True),
    Route("GET", "/v1/accounts", Capability.ACCOUNTS, listed, query=AccountsQuery),
    Route("GET", "/v1/accounts/{id}", Capability.ACCOUNTS, get),
)
