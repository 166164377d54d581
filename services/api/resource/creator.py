"""What TikTok knows of an account now: who the creator is, and what it may post."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from libs.accounts.budget import Budget
from libs.accounts.errors import Later, NotConnected
from libs.accounts.limit import Call as Endpoint
from libs.accounts.limit import read_limits
from libs.accounts.line import Line
from libs.model.account import Account, how_to_reconnect, reconnect_path
from libs.model.connect import CANNOT
from libs.model.key import Capability
from libs.model.problem import Problem, Refusal
from libs.rest.accounts import AccountProfile, AccountVideo, VideosPage, VideosQuery
from libs.rest.posts import AccountCreator, CreatorSettings
from libs.tiktok.display import VIDEO_FIELDS, VideoPage, user_fields
from libs.tiktok.errors import Refused, TikTokError
from libs.tiktok.posting import CreatorInfo
from libs.tiktok.readings import Class
from libs.tiktok.wire import Reply
from services.api.call import Call, reply
from services.api.doc import creator as doc
from services.api.resource.account_found import found
from services.api.route import Route

T = TypeVar("T")
ASK_S = 15.0
Do = Callable[[str], Awaitable[Reply[T]]]


async def profile(call: Call) -> web.StreamResponse:
    """Who the creator is, asked of TikTok now, with the fields that the granted scopes open."""
    account = await found(call)
    return reply(await profile_of(call, account))


async def profile_of(call: Call, found: Account) -> AccountProfile:
    """Who the creator is, as TikTok says now. Raises `Refusal`."""
    fields = user_fields(found.scopes)
    if not fields:
        raise Refusal(_lacks("user.info.basic", found))
    client = call.desk.tiktok.client
    said = await asked(call, found, lambda token: client.user_info(token, fields, timeout=ASK_S))
    return AccountProfile(id=found.id, **said.value.model_dump(exclude_none=True))


async def videos(call: Call) -> web.StreamResponse:
    """The creator's public videos as TikTok shows them now, newest first, and which of them are posts of ours."""
    call.id("acc")
    query = call.query(VideosQuery)
    account = await found(call)
    if "video.list" not in account.scopes:
        raise Refusal(_lacks("video.list", account))
    client = call.desk.tiktok.client

    def ask(token: str) -> Awaitable[Reply[VideoPage]]:
        return client.video_list(token, VIDEO_FIELDS, timeout=ASK_S, cursor=query.cursor, max_count=query.limit)

    said = (await asked(call, account, ask)).value
    more = str(said.cursor) if said.has_more and said.cursor is not None else None
    ours = await call.desk.store.pulls.ours([video.id for video in said.videos], account_id=account.id)
    shown = tuple(AccountVideo(**video.model_dump(), post_id=ours.get(video.id)) for video in said.videos)
    return reply(VideosPage(data=shown, next_cursor=more))


async def settings(call: Call) -> web.StreamResponse:
    """What the creator may post right now, asked of TikTok: to be shown to whoever decides on a post."""
    account = await found(call)
    if "video.publish" not in account.scopes:
        raise Refusal(_lacks("video.publish", account))
    try:
        said = await creator_info(call, account.id)
    except (NotConnected, Later, TikTokError) as error:
        raise Refusal(trouble(error)) from error
    return reply(AccountCreator(id=account.id, **creator_settings(said).model_dump()))


async def creator_info(call: Call, account_id: str) -> CreatorInfo:
    """What TikTok says of the creator's settings, within its limits. Raises `NotConnected`, `Later`, `TikTokError`."""
    budget = Budget(call.desk.store, per_minute=read_limits(call.desk.settings.tiktok_per_minute))
    line = Line(call.desk.tiktok.tokens, budget, call.desk.clock.now)
    client = call.desk.tiktok.client
    said = await line.call(
        account_id, Endpoint.CREATOR_INFO, lambda token, timeout: client.creator_info(token, timeout=timeout)
    )
    return said.value


def creator_settings(said: CreatorInfo) -> CreatorSettings:
    return CreatorSettings(**{name: getattr(said, name) for name in CreatorSettings.model_fields})


async def asked(call: Call, account: Account, do: Do[T]) -> Reply[T]:
    """Asks TikTok for the account, once more with a fresh token when it refuses the old one. Raises `Refusal`."""
    tokens, now = call.desk.tiktok.tokens, call.now
    try:
        token = await tokens.usable(account.id, now=now)
        try:
            return await do(token)
        except Refused as error:
            if error.reading.kind is not Class.REFRESH:
                raise
            return await do(await tokens.usable(account.id, refused=token, now=now))
    except (NotConnected, Later, TikTokError) as error:
        raise Refusal(trouble(error)) from error


def trouble(error: Exception) -> Problem:
    """What to tell of a call to TikTok that brought nothing."""
    match error:
        case NotConnected():
            return Problem("reauthorization_required", "The account is not connected", 409, error.reason,
                           how_to_reconnect(error.account_id),
                           extra={"reconnect": reconnect_path(error.account_id)})  # fmt: skip
        case Refused() if error.reading.kind in (Class.RATE_LIMITED, Class.RETRY):
            return _later("TikTok limits how often it may be asked.")
        case Refused():
            upstream = {"code": error.code, "log_id": error.log_id}
            return Problem("refused_by_tiktok", "TikTok refused", 422, f"TikTok says {error.code}.",
                           error.reading.remedy, upstream=upstream)  # fmt: skip
        case _:
            return _later("TikTok is in trouble, or its answer was lost.")


def _later(detail: str) -> Problem:
    return Problem("tiktok_unavailable", "Not now", 503, detail, "Send the same request again later.", True)


def _lacks(scope: str, account: Account) -> Problem:
    detail = f"The creator did not grant {scope}, without which we cannot {CANNOT[scope]}."
    return Problem("missing_scope", "A permission is missing", 409, detail,
                   f"{how_to_reconnect(account.id)} The permission is to be granted.",
                   extra={"missing_scopes": [scope], "reconnect": reconnect_path(account.id)})  # fmt: skip


ROUTES = (
    Route("GET", "/v1/accounts/{id}/creator", Capability.PROFILE, settings, doc=doc.CREATOR, per_account=True),
    Route("GET", "/v1/accounts/{id}/profile", Capability.PROFILE, profile, doc=doc.PROFILE, per_account=True),
    Route(
        "GET",
        "/v1/accounts/{id}/videos",
        Capability.VIDEOS,
        videos,
        doc=doc.VIDEOS,
        query=VideosQuery,
        per_account=True,
    ),
)
