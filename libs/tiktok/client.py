"""The calls to TikTok, one method each; beside `exchange` the only module of this room that touches the network."""

import re
import ssl
import sys
from collections.abc import AsyncIterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson

from libs.tiktok.chunks import content_range, read_progress
from libs.tiktok.display import MAX_VIDEOS, User, UserInfo, Video, VideoPage
from libs.tiktok.envelope import open_revoked, open_token, open_v2
from libs.tiktok.exchange import Answer, exchange, nothing, whole
from libs.tiktok.oauth import App, ClientToken, UserTokens, authorize_url
from libs.tiktok.posting import CreatorInfo, Nothing, PhotoDraft, PhotoPost, Publication, Source, Status, VideoPost
from libs.tiktok.upload import ChunkAnswer, ContentType, held_to, read_chunk_answer
from libs.tiktok.wire import Reply, Wire

W = TypeVar("W", bound=Wire)
P = TypeVar("P", bound=Publication)

KEEPALIVE_S = 15.0
"""An idle connection is closed before TikTok would: a call that meets a closing connection is ambiguous for nothing."""

if find_spec("sniffio") is None:
    # httpcore asks for it five times in every call: each time all of sys.path would be searched again in vain.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_VIDEO_ID = re.compile(r"[0-9]{1,20}")


@cache
def _trust() -> ssl.SSLContext:
    """One for the process: to read the world's authorities takes longer than all else about a new client."""
    return httpx.create_ssl_context(trust_env=False)


class TikTokClient:
    """TikTok, for any number of accounts and apps at once; credentials come with each call and are not kept.

    Every call ends within its `timeout` (seconds, everything included) and returns a `Reply`, or raises a `TikTokError`
    whose `may_have_taken_effect` says whether it may be repeated; ValueError is for arguments TikTok could only refuse.
    Nothing is retried or redirected, no cookie is kept, no proxy is taken from the environment.
    """

    def __init__(
        self,
        *,
        api_url: str,
        auth_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        max_connections: int = 100,
        user_agent: str = "clipwire",
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._auth_url = auth_url
        limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=KEEPALIVE_S)
        self._transport = transport or httpx.AsyncHTTPTransport(verify=_trust(), limits=limits, trust_env=False)
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip"}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection, and the transport that was given."""
        await self._transport.aclose()

    # Login Kit (1)

    def authorize_url(
        self,
        *,
        client_key: str,
        redirect_uri: str,
        scopes: Sequence[str],
        state: str,
        code_challenge: str | None = None,
        always_ask: bool = False,
    ) -> str:
        """Where to send the browser; see `oauth.authorize_url`."""
        return authorize_url(
            self._auth_url,
            client_key=client_key,
            redirect_uri=redirect_uri,
            scopes=scopes,
            state=state,
            code_challenge=code_challenge,
            always_ask=always_ask,
        )

    async def exchange_code(
        self, app: App, code: str, *, redirect_uri: str, timeout: float, code_verifier: str | None = None
    ) -> Reply[UserTokens]:
        """Tokens for a code, which works once. `redirect_uri` is the one of the authorize URL, to the byte."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if code_verifier is not None:
            form["code_verifier"] = code_verifier
        answer = await self._form("token", "exchange_code", app, form, timeout)
        return open_token(answer, UserTokens)

    async def refresh(self, app: App, refresh_token: str, *, timeout: float) -> Reply[UserTokens]:
        """A new pair. The old refresh token may be dead by now: save before use, and one refresher per account."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return open_token(await self._form("token", "refresh", app, form, timeout), UserTokens)

    async def client_token(self, app: App, *, timeout: float) -> Reply[ClientToken]:
        """The app's own token (`client_credentials`)."""
        answer = await self._form("token", "client_token", app, {"grant_type": "client_credentials"}, timeout)
        return open_token(answer, ClientToken)

    async def revoke(self, app: App, access_token: str, *, timeout: float) -> Reply[None]:
        """End the app's access. An expired token is refused as unknown: refresh it first (1.3)."""
        return open_revoked(await self._form("revoke", "revoke", app, {"token": access_token}, timeout))

    # Display API (2)

    async def user_info(self, access_token: str, fields: Sequence[str], *, timeout: float) -> Reply[User]:
        """The account; `display.user_fields` names what its scopes open."""
        url = f"{self._api_url}/v2/user/info/"
        headers = self._headers | _bearer(access_token)
        request = httpx.Request("GET", url, params=_fields(fields), headers=headers)
        answer = await exchange(self._transport, request, call="user_info", timeout=timeout, read=whole)
        reply = open_v2(answer, UserInfo)
        return Reply(reply.value.user, reply.trace)

    async def video_list(
        self,
        access_token: str,
        fields: Sequence[str],
        *,
        timeout: float,
        cursor: int | None = None,
        max_count: int = MAX_VIDEOS,
    ) -> Reply[VideoPage]:
        """Public videos, newest first, made before `cursor` (Unix milliseconds). ValueError outside 1 … 20."""
        if not 1 <= max_count <= MAX_VIDEOS:
            raise ValueError(f"a page has 1 to {MAX_VIDEOS} videos, not {max_count}")
        body = {"max_count": max_count} | ({} if cursor is None else {"cursor": cursor})
        return await self._json("video_list", "video/list/", access_token, body, VideoPage, timeout, _fields(fields))

    async def video_query(
        self, access_token: str, fields: Sequence[str], video_ids: Sequence[str], *, timeout: float
    ) -> Reply[tuple[Video, ...]]:
        """Those of the videos that exist and are the account's. ValueError unless 1 … 20 numeric ids are given."""
        if not 1 <= len(video_ids) <= MAX_VIDEOS or not all(map(_VIDEO_ID.fullmatch, video_ids)):
            raise ValueError(f"a query names 1 to {MAX_VIDEOS} videos by their numbers")
        body = {"filters": {"video_ids": list(video_ids)}}
        reply = await self._json("video_query", "video/query/", access_token, body, VideoPage, timeout, _fields(fields))
        return Reply(reply.value.videos, reply.trace)

    # Content Posting API (3)

    async def creator_info(self, access_token: str, *, timeout: float) -> Reply[CreatorInfo]:
        """What the creator may post now. A creator who may not post at all is `Refused`, with HTTP 200."""
        return await self._json(
            "creator_info", "post/publish/creator_info/query/", access_token, {}, CreatorInfo, timeout
        )

    async def video_init(self, access_token: str, post: VideoPost, source: Source[P], *, timeout: float) -> Reply[P]:
        """Begin a direct video. Not idempotent: a lost reply to a pull may have published (8, trap 21)."""
        body = {"post_info": post.body(), "source_info": source.body()}
        return await self._json("video_init", "post/publish/video/init/", access_token, body, source.answer, timeout)

    async def inbox_video_init(self, access_token: str, source: Source[P], *, timeout: float) -> Reply[P]:
        """Begin a draft, which the creator finishes in the app. Not idempotent."""
        body = {"source_info": source.body()}
        path = "post/publish/inbox/video/init/"
        return await self._json("inbox_video_init", path, access_token, body, source.answer, timeout)

    async def content_init(
        self, access_token: str, post: PhotoPost | PhotoDraft, *, timeout: float
    ) -> Reply[Publication]:
        """Begin a photo post or draft. Not idempotent, and always a pull."""
        path = "post/publish/content/init/"
        return await self._json("content_init", path, access_token, post.body(), Publication, timeout)

    async def put_chunk(
        self,
        upload_url: str,
        body: AsyncIterable[bytes],
        *,
        first: int,
        last: int,
        total: int,
        content_type: ContentType,
        timeout: float,
    ) -> ChunkAnswer:
        """Send bytes `first` to `last` of `total`, streamed: memory holds one block of `body` at a time.

        Raises NoReply when it is not known whether the chunk arrived, WrongLength when `body` is not last - first + 1
        bytes long, and whatever `body` itself raises; every status is an answer.
        """
        if self._api_url.startswith("https:") and not upload_url.startswith("https:"):
            raise ValueError("upload_url is not https")
        length = last - first + 1
        headers = self._headers | {
            "Content-Type": content_type,
            "Content-Length": str(length),
            "Content-Range": content_range(first, last, total),
        }
        content = held_to(length, body, call="put_chunk")
        try:
            request = httpx.Request("PUT", upload_url, headers=headers, content=content)
        except httpx.InvalidURL:
            raise ValueError("upload_url is not a URL") from None  # the URL is a secret; httpx may quote it
        answer = await exchange(self._transport, request, call="put_chunk", timeout=timeout, read=nothing)
        progress = read_progress(answer.headers.get("content-range"))
        return read_chunk_answer(answer.status, progress, last=last, total=total, trace=answer.trace)

    async def status_fetch(self, access_token: str, publish_id: str, *, timeout: float) -> Reply[Status]:
        """Where a post stands. A failed post is a success of this call."""
        body = {"publish_id": publish_id}
        return await self._json("status_fetch", "post/publish/status/fetch/", access_token, body, Status, timeout)

    async def cancel(self, access_token: str, publish_id: str, *, timeout: float) -> Reply[None]:
        """Ask to stop a running pull. Best effort: the webhook or the status tells what became of it."""
        body = {"publish_id": publish_id}
        reply = await self._json("cancel", "post/publish/cancel/", access_token, body, Nothing, timeout)
        return Reply(None, reply.trace)

    async def _json(
        self,
        call: str,
        path: str,
        access_token: str,
        body: Mapping[str, Any],
        shape: type[W],
        timeout: float,
        params: Mapping[str, str] | None = None,
    ) -> Reply[W]:
        try:
            content = orjson.dumps(body)
        except TypeError as error:  # orjson's way to refuse text with a lone surrogate
            raise ValueError(f"{call}: the request is not JSON: {error}") from None
        json_type = {"Content-Type": "application/json; charset=UTF-8"}
        headers = self._headers | _bearer(access_token) | json_type
        url = f"{self._api_url}/v2/{path}"
        request = httpx.Request("POST", url, params=params, headers=headers, content=content)
        return open_v2(await exchange(self._transport, request, call=call, timeout=timeout, read=whole), shape)

    async def _form(self, endpoint: str, call: str, app: App, form: Mapping[str, str], timeout: float) -> Answer:
        data = {"client_key": app.client_key, "client_secret": app.client_secret, **form}
        url = f"{self._api_url}/v2/oauth/{endpoint}/"
        request = httpx.Request("POST", url, data=data, headers=self._headers | {"Cache-Control": "no-cache"})
        return await exchange(self._transport, request, call=call, timeout=timeout, read=whole)


def _bearer(access_token: str) -> dict[str, str]:
    if not _TOKEN.fullmatch(access_token):
        raise ValueError("not an access token")  # said here, because the HTTP library would quote it
    return {"Authorization": f"Bearer {access_token}"}


def _fields(fields: Sequence[str]) -> dict[str, str]:
    if not fields:
        raise ValueError("TikTok answers only with fields that are named")
    return {"fields": ",".join(fields)}
