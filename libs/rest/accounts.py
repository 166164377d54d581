"""Accounts: one TikTok creator's grant to one customer. Answers never hold its tokens."""

from typing import Annotated, Any, cast

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from libs.model.account import AccountState
from libs.model.connect import LINK_LIFE
from libs.rest.field import AccountId, CustomerId, Digits, Flag, GroupId, Moment, Name, Seconds, Token, Whole, Word
from libs.rest.shape import Answer, Ask, Item, Page, PageQuery

Scope = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9_.]*$")]


class AccountsQuery(PageQuery):
    """`username` in any case, without its @."""

    cursor: AccountId | None = None
    state: AccountState | None = None
    username: Name | None = None
    open_id: Word | None = None


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


Scopes = Annotated[tuple[Scope, ...], Field(min_length=1, max_length=50)]
RedirectUri = Annotated[str, StringConstraints(min_length=1, max_length=511)]


class ConnectNew(Ask):
    """Asks for a creator's consent. Without `redirect_uri`, TikTok sends the browser to the hosted page, which does the
    rest; with one of yours, pass what arrives there to `POST /v1/accounts/exchange`.

    `account_id` connects that account again: no other creator's consent will do.
    """

    customer_id: CustomerId | None = None
    redirect_uri: RedirectUri | None = None
    scopes: Scopes | None = None
    account_id: AccountId | None = None
    group_id: GroupId | None = None
    always_ask: Flag = False


class ConnectAnswer(Answer):
    """Where to send the creator's browser. `state` works once, until `expires_at`, for this redirect only."""

    auth_url: str
    state: str
    redirect_uri: str
    scopes: tuple[str, ...]
    expires_at: Moment


class ExchangeNew(Ask):
    """What arrived at your redirect URI, decoded once: `code` and `state`, or `error` and `state`."""

    state: Word
    redirect_uri: RedirectUri
    code: Token | None = None
    error: Word | None = None


class ReconnectNew(Ask):
    """Asks for the same creator's consent again: by default for every permission it had, was asked for, or is asked of
    everybody, by way of the hosted page. `link_days` is how long the link works."""

    redirect_uri: RedirectUri | None = None
    scopes: Scopes | None = None
    link_days: Annotated[int, Field(strict=True, ge=1, le=30), Whole] = LINK_LIFE.days
    always_ask: Flag = False


class ReconnectAnswer(ConnectAnswer):
    """Two ways to the same consent, which only the account's own creator can give; its id and history stay.

    `auth_url` is TikTok's page, for a browser that is here now; it works once, until `expires_at`. `link` is to be
    sent: it can be opened any number of times until `link_expires_at`, or until the account is connected again. Treat
    both as secrets.
    """

    link: str
    link_expires_at: Moment


class AccountChange(Ask):
    """`group_id` null takes it out of its group."""

    group_id: GroupId | None


class DisconnectNew(Ask):
    """`revoke` false forgets the tokens here and leaves the grant at TikTok."""

    revoke: Flag = True


class AccountAnswer(Item):
    """`reconnect` is what to `POST` for a link by which its creator connects it again; null while all is well."""

    customer_id: str
    client_key: str
    open_id: str
    username: str | None
    display_name: str | None
    state: AccountState
    reason: str | None
    scopes: tuple[str, ...]
    missing_scopes: tuple[str, ...]
    group_id: str | None
    reconnect: str | None
    granted_at: Moment
    access_expires_at: Moment | None
    refresh_expires_at: Moment | None
    created_at: Moment | None


class AccountHealth(Item):
    """Whether the account can be used, and what stands in the way. `app_audited`: whether TikTok has audited its app;
    until then it takes private posts only. `can` and `cannot` say in words what its scopes allow. `reconnect` is what
    to `POST` for a link by which its creator connects it again; null while all is well."""

    state: AccountState
    usable: bool
    scopes: tuple[str, ...]
    missing_scopes: tuple[str, ...]
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    access_expires_at: Moment | None
    refresh_expires_at: Moment | None
    refreshes_failed: int
    last_error: str | None
    app_audited: bool
    remedy: str | None
    reconnect: str | None


class DisconnectAnswer(AccountAnswer):
    """`at_tiktok` says what became of the grant there: revoked, already_over, shared, left."""

    at_tiktok: str


class VideosQuery(Ask):
    """`cursor` is `next_cursor` of the page before: TikTok's, in milliseconds."""

    limit: Annotated[int, Field(ge=1, le=20), Digits] = 20
    cursor: Annotated[int, Field(ge=0, le=2**63 - 1), Digits] | None = None


class Seen(Item):
    """What TikTok shows; a field that it does not show is absent, not null."""

    @model_serializer(mode="wrap")
    def _shown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """That of its fields: whoever wrote the serializer above knows that they are not always there."""
        fields = dict(schema) | {"serialization": None}
        made = handler.resolve_ref_schema(handler(cast(CoreSchema, fields)))
        return made | {"required": ["id"]}


class AccountProfile(Seen):
    """The creator as TikTok shows it now. A field that no granted scope opens is absent, not null."""

    open_id: str | None = None
    union_id: str | None = None
    avatar_url: str | None = None
    avatar_url_100: str | None = None
    avatar_large_url: str | None = None
    display_name: str | None = None
    bio_description: str | None = None
    profile_deep_link: str | None = None
    is_verified: bool | None = None
    username: str | None = None
    follower_count: int | None = None
    following_count: int | None = None
    likes_count: int | None = None
    video_count: int | None = None


class AccountVideo(Seen):
    """A public video as TikTok shows it now, whoever posted it. `create_time` in Unix seconds, `duration` in seconds.

    `cover_image_url` is good for six hours. `post_id` is the post it was made by, when it was made here.
    """

    post_id: str | None = None
    create_time: int | None = None
    cover_image_url: str | None = None
    share_url: str | None = None
    video_description: str | None = None
    duration: int | None = None
    height: int | None = None
    width: int | None = None
    title: str | None = None
    embed_html: str | None = None
    embed_link: str | None = None
    like_count: int | None = None
    comment_count: int | None = None
    share_count: int | None = None
    view_count: int | None = None
    is_aigc: bool | None = None


class VideosPage(Page[AccountVideo]):
    """Newest first."""
