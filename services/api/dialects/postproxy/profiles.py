"""Profiles and their groups as Postproxy has them: an account is a profile, a group holds one."""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

import structlog
from aiohttp import web

from libs.model.account import Account, AccountState
from libs.model.key import Capability
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.accounts import ConnectNew, RedirectUri
from libs.rest.shape import Answer, Ask, Page
from libs.tiktok.display import User, user_fields
from libs.tiktok.wire import Reply
from services.api.call import Call, reply
from services.api.dialects.postproxy import shape
from services.api.page import page
from services.api.resource import groups
from services.api.resource.account_found import found
from services.api.resource.connect import begin
from services.api.resource.creator import ASK_S, asked

log = structlog.get_logger()
ASKED_MAX: Final = 10
"""So many profiles of one list are asked about at TikTok; of others `avatar_url` is null."""


class Initialize(Ask):
    """Where the browser comes back to; left out, our own page does the rest."""

    platform: Literal["tiktok"] = "tiktok"
    redirect_url: RedirectUri | None = None


class Initialized(Answer):
    """Where to send the creator's browser."""

    success: Literal[True] = True
    url: str
    state: str


async def listed(call: Call) -> web.StreamResponse:
    """Profiles, newest first."""
    query = call.query(shape.ProfilesQuery)
    owner = call.scope(query.customer_id)
    if query.profile_group_id is not None:
        group = await call.desk.store.groups.get(query.profile_group_id, customer_id=owner)
        held = group.account_id if group is not None else None
        one = await call.desk.store.accounts.get(held, customer_id=owner, reach=call.reach) if held else None
        found = [one] if one is not None else []
    else:
        found = await call.desk.store.accounts.page(
            customer_id=owner, before=query.cursor, limit=query.limit + 1, reach=call.reach
        )
    shown = await _shown(call, found[: query.limit])
    more = found[query.limit - 1].id if len(found) > query.limit else None
    return reply(Page[shape.ProfileShown](data=shown, next_cursor=more))


async def get(call: Call) -> web.StreamResponse:
    """One profile."""
    (shown,) = await _shown(call, [await found(call)])
    return reply(shown)


async def _shown(call: Call, accounts: Sequence[Account]) -> tuple[shape.ProfileShown, ...]:
    posts = await call.desk.store.lists.published([account.id for account in accounts])
    said = await asyncio.gather(*(_said(call, account) for account in accounts[:ASKED_MAX]))
    every = [*said, *[None] * (len(accounts) - len(said))]
    return tuple(
        shape.profile(account, posts=posts.get(account.id, 0), user=user)
        for account, user in zip(accounts, every, strict=True)
    )


async def _said(call: Call, account: Account) -> User | None:
    """What TikTok shows of the creator now; None where it says nothing, or the key may not see it."""
    reach = call.key.reach(Capability.PROFILE, write=False)
    may_see = reach is not None and reach.has(account.id)
    if not may_see or account.state is not AccountState.CONNECTED or "user.info.basic" not in account.scopes:
        return None
    client = call.desk.tiktok.client
    fields = [name for name in ("avatar_url", "display_name", "username") if name in user_fields(account.scopes)]

    async def ask(token: str) -> Reply[User]:
        return await client.user_info(token, fields, timeout=ASK_S)

    try:
        return (await asked(call, account, ask)).value
    except Refusal as refusal:
        log.info("account.no_profile", account=account.id, code=refusal.problem.code)
        return None


async def listed_groups(call: Call) -> web.StreamResponse:
    """Profile groups, newest first."""
    query = call.query(shape.GroupsQuery)
    rows = await call.desk.store.groups.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, shape.group, limit=query.limit))


async def get_group(call: Call) -> web.StreamResponse:
    """One profile group."""
    return reply(shape.group(await groups.found(call)))


async def initialize(call: Call) -> web.StreamResponse:
    """Where to send the creator's browser; the account comes into this group, unless it holds another (409)."""
    new = await call.body(Initialize, optional=True)
    group = await groups.found(call)
    wanted = ConnectNew(
        group_id=group.id,
        redirect_uri=new.redirect_url,
        customer_id=group.customer_id if call.sees is None else None,
    )
    begun = await begin(call, wanted)
    return reply(Initialized(url=begun.auth_url, state=begun.state))


async def named(call: Call, profiles: Sequence[str], *, group_id: str | None) -> dict[str, int]:
    """The accounts that these are, by id or by the platform's name, and where each is named first. Raises `Refusal`."""
    accounts: dict[str, int] = {}
    for profile in dict.fromkeys(profiles):
        first = profiles.index(profile)
        account = await _of_group(call, group_id, field=f"profiles.{first}") if profile == "tiktok" else profile
        accounts.setdefault(account, first)
    return accounts


async def _of_group(call: Call, group_id: str | None, *, field: str) -> str:
    """The one TikTok profile of the group, or of the only group with a profile that the key reaches."""
    store = call.desk.store
    held: list[str] = []
    if group_id is not None:
        group = await store.groups.get(group_id, customer_id=call.sees)
        if group is not None and group.account_id is not None and call.reach.has(group.account_id):
            held = [group.account_id]
    elif call.sees is not None:
        held = await store.lists.held(customer_id=call.sees, reach=call.reach, limit=2)
    if len(held) == 1:
        return held[0]
    several = "Several profile groups have a TikTok profile." if held else "There is no group with a TikTok profile."
    remedy = "Name the profile by its id, or add the profile_group_id of the group that is meant."
    code = "ambiguous" if held else "unknown"
    raise Refusal(invalid([FieldError(field, code, several, found="tiktok", remedy=remedy)]))
