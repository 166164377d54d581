"""Connecting accounts as SocialAPI.ai has it: a link for the creator, then an exchange of what came back."""

from typing import Final, Literal

import structlog
from aiohttp import web

from libs.model.account import Account
from libs.model.key import Capability
from libs.model.problem import Refusal
from libs.rest.accounts import AccountProfile, ConnectNew, ExchangeNew, RedirectUri
from libs.rest.field import Token, Word
from libs.rest.shape import Ask
from services.api.call import Call, reply
from services.api.dialects.socialapi import shape
from services.api.dialects.socialapi.words import DIALECT
from services.api.doc.connect import CODE, REDIRECT, STATE
from services.api.doc.sample import ACCOUNT
from services.api.doc.shape import Example
from services.api.page import page
from services.api.resource.account_found import found
from services.api.resource.connect import begin, finish
from services.api.resource.creator import profile_of

log = structlog.get_logger()


class ConnectMetadata(Ask):
    """Left out, TikTok sends the browser to our own page, which does the rest."""

    redirect_uri: RedirectUri | None = None


class Connect(Ask):
    """Asks for a creator's consent."""

    platform: Literal["tiktok"]
    metadata: ConnectMetadata = ConnectMetadata()


class ExchangeMetadata(Ask):
    """`redirect_uri` is the one that the link was made with."""

    state: Word
    redirect_uri: RedirectUri


class Exchange(Ask):
    """What arrived at the redirect URI."""

    platform: Literal["tiktok"]
    code: Token
    metadata: ExchangeMetadata


async def connect(call: Call) -> web.StreamResponse:
    """201: where to send the creator's browser."""
    new = await call.body(Connect)
    begun = await begin(call, ConnectNew(redirect_uri=new.metadata.redirect_uri))
    return reply(shape.Link(auth_url=begun.auth_url, state=begun.state), status=201)


async def exchange(call: Call) -> web.StreamResponse:
    """201: a new account. 200: the customer had it; it keeps its id."""
    new = await call.body(Exchange)
    given = ExchangeNew(state=new.metadata.state, redirect_uri=new.metadata.redirect_uri, code=new.code)
    ended = await finish(call, given)
    account = ended.account
    said = AccountProfile(id=account.id, **ended.user.model_dump(exclude_none=True))
    answer = shape.account(account, said if _may_see(call, account) else None)
    status = 201 if account.grant_n == 1 else 200
    return reply(answer, status=status, location=f"{DIALECT.base}/v1/accounts/{account.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Accounts, newest first, without `metadata`: TikTok is asked for that one account at a time."""
    query = call.query(shape.AccountsQuery)
    rows = await call.desk.store.accounts.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1, reach=call.reach
    )
    return reply(page(rows, lambda account: shape.account(account, None), limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One account, with what TikTok says of its creator now."""
    account = await found(call)
    return reply(shape.account(account, await _profile(call, account)))


def _may_see(call: Call, account: Account) -> bool:
    """Whether the key's grants show it the creator's numbers."""
    reach = call.key.reach(Capability.PROFILE, write=False)
    return reach is not None and reach.has(account.id)


async def _profile(call: Call, account: Account) -> AccountProfile | None:
    """What TikTok shows of the creator; None when it says nothing, and then `metadata` is absent."""
    if not _may_see(call, account):
        return None
    try:
        return await profile_of(call, account)
    except Refusal as refusal:
        log.info("account.no_profile", account=account.id, code=refusal.problem.code)
        return None


CONNECT: Final = (
    Example(
        201,
        shape.Link(auth_url="https://www.tiktok.com/v2/auth/authorize/?client_key=awoperatorsapp01", state=STATE),
        {"platform": "tiktok", "metadata": {"redirect_uri": REDIRECT}},
    ),
)
EXCHANGE: Final = (
    Example(
        201,
        shape.AccountShown(id=ACCOUNT, name="Acme", username="acme"),
        {"platform": "tiktok", "code": CODE, "metadata": {"state": STATE, "redirect_uri": REDIRECT}},
    ),
)
