"""Accounts: one TikTok creator's grant to one customer. Answers never hold its tokens."""

from typing import Annotated

from pydantic import Field, StringConstraints

from libs.model.account import AccountState
from libs.rest.field import AccountId, CustomerId, Moment, Name, Seconds, Token, Word
from libs.rest.shape import Ask, Item, PageQuery

Scope = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9_.]*$")]


class AccountsQuery(PageQuery):
    cursor: AccountId | None = None


class AccountNew(Ask):
    """What TikTok's token endpoint gave (fact sheet 1.2). Lives in seconds from now; `scopes` as granted."""

    customer_id: CustomerId | None = None
    client_key: Word | None = None
    open_id: Word
    access_token: Token
    refresh_token: Token
    expires_in: Seconds
    refresh_expires_in: Seconds | None = None
    scopes: Annotated[tuple[Scope, ...], Field(max_length=50)]
    username: Name | None = None
    display_name: Name | None = None


class AccountAnswer(Item):
    customer_id: str
    client_key: str
    open_id: str
    username: str | None
    display_name: str | None
    state: AccountState
    reason: str | None
    scopes: tuple[str, ...]
    granted_at: Moment
    access_expires_at: Moment | None
    refresh_expires_at: Moment | None
    created_at: Moment | None
