"""Customers' own TikTok apps. Secrets go in and never come out."""

from typing import Annotated

from pydantic import Field

from libs.rest.field import NOT_NULL, AppId, CustomerId, Flag, Moment, Token, Word
from libs.rest.shape import Ask, Item, PageQuery

Secrets = Annotated[tuple[Token, ...], Field(min_length=1, max_length=2)]
"""Newest first. Two are live while one takes over from the other: each verifies webhooks, either one signs in."""


class AppsQuery(PageQuery):
    cursor: AppId | None = None


class AppNew(Ask):
    """The app by which this customer connects accounts from now on; its webhooks come to the same address."""

    customer_id: CustomerId | None = None
    client_key: Word
    client_secrets: Secrets
    audited: Flag = False


class AppChange(Ask):
    """What is left out stays."""

    client_secrets: Annotated[Secrets | None, NOT_NULL] = None
    audited: Annotated[Flag | None, NOT_NULL] = None


class AppAnswer(Item):
    """`live_secrets` counts them; `callback_url` is the redirect URI to register at TikTok."""

    customer_id: str
    client_key: str
    live_secrets: int
    audited: bool
    callback_url: str
    created_at: Moment
