"""Accounts: shown, placed in groups, disconnected; or made from tokens that TikTok gave. No answer shows a token."""

from datetime import timedelta

from aiohttp import web

from libs.accounts.connect import connected_event
from libs.accounts.errors import Later
from libs.model.account import Account, AccountState, how_to_reconnect
from libs.model.connect import CANNOT
from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.accounts import (
    AccountAnswer,
    AccountChange,
    AccountHealth,
    AccountNew,
    AccountsQuery,
    DisconnectAnswer,
    DisconnectNew,
)
from libs.store.accounts import Tokens
from libs.store.apps import Group
from libs.tiktok.errors import TikTokError
from services.api.body import parsed, read_object
from services.api.call import Call, reply
from services.api.doc import accounts as doc
from services.api.door import moves_own_reach
from services.api.page import page
from services.api.resource.account_found import found
from services.api.resource.creator import trouble
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201: a new account. 200: the customer had it already; it is connected anew with these tokens and keeps its id."""
    new = await call.body(AccountNew)
    owner = await call.owner(new.customer_id)
    client_key = _client_key(new.client_key, ours=await call.desk.tiktok.apps.of_customer(owner))
    made = await call.desk.store.accounts.connect(
        id_=call.new_id("acc"),
        customer_id=owner,
        client_key=client_key,
        open_id=new.open_id,
        username=new.username,
        display_name=new.display_name,
        tokens=_tokens(new, call=call),
        now=call.now,
        tell=lambda account: [connected_event(account, now=call.now)],
    )
    await call.ring("notifier")
    return reply(shown(made), status=201 if made.grant_n == 1 else 200, location=f"/v1/accounts/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Accounts, newest first."""
    query = call.query(AccountsQuery)
    rows = await call.desk.store.accounts.page(
        customer_id=call.scope(query.customer_id),
        before=query.cursor,
        limit=query.limit + 1,
        reach=call.reach,
        state=query.state,
        open_id=query.open_id,
        username=query.username,
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One account."""
    return reply(shown(await found(call)))


async def health(call: Call) -> web.StreamResponse:
    """Whether it can be used, what its scopes allow, and the last error."""
    account = await found(call)
    app_audited = call.desk.settings.tiktok_audited if account.app_audited is None else account.app_audited
    usable = account.state is AccountState.CONNECTED
    answer = AccountHealth(
        id=account.id,
        state=account.state,
        usable=usable,
        scopes=account.scopes,
        missing_scopes=account.missing_scopes,
        can=tuple(what for scope, what in CANNOT.items() if usable and scope in account.scopes),
        cannot=tuple(what for scope, what in CANNOT.items() if not usable or scope not in account.scopes),
        access_expires_at=account.access_expires_at,
        refresh_expires_at=account.refresh_expires_at,
        refreshes_failed=account.refreshes_failed,
        last_error=account.reason,
        app_audited=app_audited,
        remedy=how_to_reconnect(account.id) if account.reconnect else None,
        reconnect=account.reconnect,
    )
    return reply(answer)


async def change(call: Call) -> web.StreamResponse:
    """Puts it into a group, or takes it out of the one it is in."""
    call.id("acc")
    new = await call.body(AccountChange)
    account = await found(call)
    moved_between = {account.group_id, new.group_id} - {None}
    if account.group_id != new.group_id and call.key.would_reach_by(moved_between):
        raise moves_own_reach()
    placed = await call.desk.store.accounts.place(account, new.group_id, now=call.now)
    if placed is None:
        group = await call.desk.store.groups.get(new.group_id or "", customer_id=account.customer_id)
        raise Refusal(invalid([unknown("group_id")]) if group is None else group_taken(group))
    return reply(shown(placed))


async def disconnect(call: Call) -> web.StreamResponse:
    """Revokes the grant at TikTok and forgets its tokens; the account's id and history stay, and links that were made
    to connect it again are void. Twice is fine."""
    call.id("acc")
    new = parsed(DisconnectNew, await read_object(call.request, optional=True))
    account = await found(call)
    try:
        became = await call.desk.tiktok.disconnector.disconnect(account, revoke=new.revoke)
    except (Later, TikTokError) as error:
        raise Refusal(_still_connected(trouble(error))) from error
    await call.ring("publisher", "notifier")
    return reply(DisconnectAnswer(**dict(shown(await found(call))), at_tiktok=became))


def unknown(field: str) -> FieldError:
    return FieldError(field, "unknown", "This customer has none such.", remedy=f"Correct {field}, or leave it out.")


def group_taken(group: Group) -> Problem:
    detail = f"{group.id} holds {group.account_id or 'another account'}, and a group holds one."
    remedy = "Use an empty group, or take the other account out of it first: PATCH it with group_id null."
    return Problem("group_taken", "The group holds another account", 409, detail, remedy,
                   extra={"account_id": group.account_id})  # fmt: skip


def _still_connected(said: Problem) -> Problem:
    detail = f"{said.detail} The account is still connected."
    return Problem(said.code, "The account was not disconnected", said.status, detail,
                   "Send it again later, or with revoke: false to forget the tokens here only.", said.retryable,
                   upstream=said.upstream)  # fmt: skip


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
        missing_scopes=account.missing_scopes,
        group_id=account.group_id,
        reconnect=account.reconnect,
        granted_at=account.granted_at,
        access_expires_at=account.access_expires_at,
        refresh_expires_at=account.refresh_expires_at,
        created_at=account.created_at,
    )


def _client_key(named: str | None, *, ours: str | None) -> str:
    """The app the tokens belong to. With another app's, they could never be refreshed."""
    if named is None and not ours:
        detail = "No TikTok app is configured, so the account has to name one."
        raise Refusal(invalid([FieldError("client_key", "required", detail, remedy="Add client_key.")]))
    if named is not None and ours and named != ours:
        detail = "This is not the client key of the customer's TikTok app."
        raise Refusal(invalid([FieldError("client_key", "unknown_app", detail, remedy="Leave client_key out.")]))
    return named or ours or ""


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
    Route("POST", "/v1/accounts", Capability.ACCOUNTS, create, doc=doc.CREATE, write=True),
    Route("GET", "/v1/accounts", Capability.ACCOUNTS, listed, doc=doc.LISTED, query=AccountsQuery, per_account=True),
    Route("GET", "/v1/accounts/{id}", Capability.ACCOUNTS, get, doc=doc.GET, per_account=True),
    Route("GET", "/v1/accounts/{id}/health", Capability.ACCOUNTS, health, doc=doc.HEALTH, per_account=True),
    Route("PATCH", "/v1/accounts/{id}", Capability.ACCOUNTS, change, doc=doc.CHANGE, write=True),
    Route(
        "POST",
        "/v1/accounts/{id}/disconnect",
        Capability.ACCOUNTS,
        disconnect,
        doc=doc.DISCONNECT,
        write=True,
        per_account=True,
    ),
)
