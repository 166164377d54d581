"""What the suite of `test_clients.py` asks of a client of TikTok's, and the two that answer.

`Socialchimp` is PyPI's package, unmodified: only its transport is ours, which takes TikTok's hosts for the simulator's.
`Ours` is `libs.tiktok`.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import httpx
from multidict import CIMultiDict
from socialchimp import AppCredentials, Connection, Media, Post, PostState
from socialchimp.errors import SignatureError, SocialChimpError
from socialchimp.platform import Finished, LoginRequest, SendToNetwork
from socialchimp.platforms.tiktok import TikTokPlatform

from libs.runtime.clock import Clock
from libs.tiktok.chunks import plan
from libs.tiktok.client import TikTokClient
from libs.tiktok.display import user_fields
from libs.tiktok.errors import TikTokError
from libs.tiktok.events import Event
from libs.tiktok.oauth import App, Granted, UserTokens, challenge, read_callback
from libs.tiktok.posting import FileUpload, PublishStatus, UploadSlot, VideoPost
from libs.tiktok.signature import HEADER, Verdict, verify
from libs.tiktok.upload import ChunkKind
from libs.tiktok.webhooks import Notification, parse
from libs.tiktok.wire import Reply
from tests.contract.simulator.box import KEY, SECRET, WEB_URI
from tests.contract.simulator.consent import Browse

DESKTOP_URI = "http://127.0.0.1:3455/callback/"
T = 30.0
S = TypeVar("S")


class Refused(Exception):
    """The client, or TikTok through it, said no; the client's own error is the cause."""


class Standing(StrEnum):
    WORKING = "working"
    WITH_CREATOR = "with the creator"
    PUBLISHED = "published"
    FAILED = "failed"


@dataclass(frozen=True)
class Session(Generic[S]):
    """A connected account, and what the client itself keeps of it."""

    open_id: str
    scopes: frozenset[str]
    access_token: str
    refresh_token: str
    own: S


@dataclass(frozen=True)
class Heard:
    open_id: str
    published: bool


class Driver(Protocol[S]):
    """A client of TikTok's. Every method raises `Refused` when it is told no, and lets everything else through."""

    async def connect(self, browse: Browse, *, scopes: Sequence[str], desktop: bool = False) -> Session[S]:
        """Sends a person to the consent page and makes tokens of what they bring back; a desktop app brings PKCE."""

    async def name(self, session: Session[S]) -> str: ...

    async def refresh(self, session: Session[S]) -> Session[S]: ...

    async def publish(self, session: Session[S], film: Path) -> str:
        """Straight to the profile, for the creator alone; the publish_id once all bytes are sent."""

    async def draft(self, session: Session[S], film: Path) -> str:
        """To the creator's inbox; the publish_id once all bytes are sent."""

    async def standing(self, session: Session[S], publish_id: str) -> Standing: ...

    def hear(self, body: bytes, headers: Mapping[str, str]) -> Heard:
        """Judges a webhook's signature and reads it."""

    async def close(self) -> None: ...


class ToSimulator(httpx.AsyncHTTPTransport):
    """Sends `*.tiktokapis.com` to the simulator; everything else about the request stays."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = httpx.URL(url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith(".tiktokapis.com"):
            request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        return await super().handle_async_request(request)


class Socialchimp:
    """PyPI `socialchimp`."""

    _app = AppCredentials("tiktok", None, client_id=KEY, client_secret=SECRET)
    _standings = {
        PostState.PROCESSING: Standing.WORKING,
        PostState.WAITING_FOR_PERSON: Standing.WITH_CREATOR,
        PostState.DONE: Standing.PUBLISHED,
        PostState.FAILED: Standing.FAILED,
    }

    def __init__(self, url: str, clock: Clock) -> None:
        self._transport = ToSimulator(url)
        self._web = TikTokPlatform(transport=self._transport, now=clock.now)
        self._desktop = TikTokPlatform(transport=self._transport, now=clock.now, pkce=True)

    async def connect(self, browse: Browse, *, scopes: Sequence[str], desktop: bool = False) -> Session[Connection]:
        chimp, uri = (self._desktop, DESKTOP_URI) if desktop else (self._web, WEB_URI)
        request = LoginRequest(redirect_uri=uri, state=secrets.token_hex(8), scopes=tuple(scopes), app=self._app)
        step = await chimp.start_login(request)
        assert isinstance(step, SendToNetwork)
        callback = await browse(step.url)
        try:
            finished = await chimp.finish_login(request, callback, step.remember)
        except SocialChimpError as error:
            raise Refused from error
        assert isinstance(finished, Finished)
        return self._session(finished.connection)

    async def name(self, session: Session[Connection]) -> str:
        return (await self._web.read_profile(session.own)).name

    async def refresh(self, session: Session[Connection]) -> Session[Connection]:
        try:
            token = await self._web.refresh(session.own, self._app)
        except SocialChimpError as error:
            raise Refused from error
        return self._session(session.own.with_token(token))

    async def publish(self, session: Session[Connection], film: Path) -> str:
        options = {"send_to": "profile", "privacy_level": "SELF_ONLY"}
        return await self._send(session, Post(text="Hello #sim", media=(Media.from_file(film),), options=options))

    async def draft(self, session: Session[Connection], film: Path) -> str:
        return await self._send(session, Post(media=(Media.from_file(film),), options={"send_to": "drafts"}))

    async def standing(self, session: Session[Connection], publish_id: str) -> Standing:
        return self._standings[(await self._web.check_state(session.own, publish_id)).state]

    def hear(self, body: bytes, headers: Mapping[str, str]) -> Heard:
        try:
            self._web.check_signature(body, headers, secret=SECRET)
        except SignatureError as error:
            raise Refused from error
        (update,) = self._web.read_updates(body)
        return Heard((update.connection_id or "").removeprefix("tiktok:"), update.kind_name == "post_published")

    async def close(self) -> None:
        await self._transport.aclose()

    async def _send(self, session: Session[Connection], post: Post) -> str:
        try:
            return (await self._web.publish(session.own, post)).id
        except SocialChimpError as error:
            raise Refused from error

    def _session(self, connection: Connection) -> Session[Connection]:
        token = connection.token
        return Session(
            connection.account_id,
            frozenset(connection.scopes),
            token.access_token,
            token.refresh_token or "",
            connection,
        )


class Ours:
    """`libs.tiktok`."""

    _app = App(client_key=KEY, client_secret=SECRET)
    _standings = {
        PublishStatus.PROCESSING_UPLOAD: Standing.WORKING,
        PublishStatus.PROCESSING_DOWNLOAD: Standing.WORKING,
        PublishStatus.SEND_TO_USER_INBOX: Standing.WITH_CREATOR,
        PublishStatus.PUBLISH_COMPLETE: Standing.PUBLISHED,
        PublishStatus.FAILED: Standing.FAILED,
    }

    def __init__(self, url: str, clock: Clock) -> None:
        self._client = TikTokClient(api_url=url, auth_url="https://www.tiktok.com")
        self._clock = clock

    async def connect(self, browse: Browse, *, scopes: Sequence[str], desktop: bool = False) -> Session[UserTokens]:
        uri, state = DESKTOP_URI if desktop else WEB_URI, secrets.token_hex(8)
        verifier = secrets.token_urlsafe(48) if desktop else None
        url = self._client.authorize_url(
            client_key=KEY,
            redirect_uri=uri,
            scopes=scopes,
            state=state,
            code_challenge=challenge(verifier) if verifier else None,
        )
        back = read_callback(await browse(url))
        if not isinstance(back, Granted):
            raise Refused
        assert back.state == state
        try:
            tokens = await self._client.exchange_code(
                self._app, back.code, redirect_uri=uri, timeout=T, code_verifier=verifier
            )
        except TikTokError as error:
            raise Refused from error
        assert tokens.value.scopes == back.scopes
        return self._session(tokens.value)

    async def name(self, session: Session[UserTokens]) -> str:
        user = await self._client.user_info(session.access_token, user_fields(session.scopes), timeout=T)
        return user.value.display_name or ""

    async def refresh(self, session: Session[UserTokens]) -> Session[UserTokens]:
        try:
            return self._session((await self._client.refresh(self._app, session.refresh_token, timeout=T)).value)
        except TikTokError as error:
            raise Refused from error

    async def publish(self, session: Session[UserTokens], film: Path) -> str:
        data, post = film.read_bytes(), VideoPost(privacy_level="SELF_ONLY", title="Hello #sim")
        source = FileUpload(plan(len(data)))
        return await self._send(data, self._client.video_init(session.access_token, post, source, timeout=T))

    async def draft(self, session: Session[UserTokens], film: Path) -> str:
        data = film.read_bytes()
        source = FileUpload(plan(len(data)))
        return await self._send(data, self._client.inbox_video_init(session.access_token, source, timeout=T))

    async def standing(self, session: Session[UserTokens], publish_id: str) -> Standing:
        status = (await self._client.status_fetch(session.access_token, publish_id, timeout=T)).value
        return self._standings[PublishStatus(status.status)]

    def hear(self, body: bytes, headers: Mapping[str, str]) -> Heard:
        header = CIMultiDict(headers).get(HEADER)
        now = int(self._clock.now().timestamp())
        if verify(body, header, secrets=[SECRET], now=now, max_age_s=300) is not Verdict.OK:
            raise Refused
        told = parse(body)
        assert isinstance(told, Notification), told
        return Heard(told.user_openid, told.event == Event.POST_COMPLETE)

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, data: bytes, init: Awaitable[Reply[UploadSlot]]) -> str:
        try:
            slot = (await init).value
        except TikTokError as error:
            raise Refused from error
        made = plan(len(data))
        for first, last in made.ranges():
            answer = await self._client.put_chunk(
                slot.upload_url.get_secret_value(),
                blocks(data[first : last + 1]),
                first=first,
                last=last,
                total=len(data),
                content_type="video/mp4",
                timeout=T,
            )
            assert answer.kind is (ChunkKind.COMPLETE if last == len(data) - 1 else ChunkKind.ACCEPTED)
        return slot.publish_id

    def _session(self, tokens: UserTokens) -> Session[UserTokens]:
        access, refresh = tokens.access_token.get_secret_value(), tokens.refresh_token.get_secret_value()
        return Session(tokens.open_id, frozenset(tokens.scopes), access, refresh, tokens)


async def blocks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1 << 20):
        yield data[at : at + (1 << 20)]
