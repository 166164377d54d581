"""Scripted replies for the TikTok client, and one ordinary use of each of its calls."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest

from libs.tiktok.chunks import plan
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import TikTokError
from libs.tiktok.oauth import App
from libs.tiktok.posting import FileUpload, PhotoDraft, Photos, VideoPost

API = "https://open.tiktokapis.com"
TOKEN = "act.simAAA111!4410.va"
APP = App(client_key="awsimkey01", client_secret="s3cr3t")
LOG_ID = "202602041114330A1B2C3D4E5F60718293"
UPLOAD_URL = "https://open-upload-i18n.tiktokapis.com/upload?upload_id=7602990000000000001&upload_token=5e0c"
TOKENS = {
    "access_token": "act.simAAA111",
    "expires_in": 86400,
    "open_id": "-000simUser01",
    "refresh_token": "rft.simBBB222",
    "refresh_expires_in": 31536000,
    "scope": "user.info.basic,video.publish",
    "token_type": "Bearer",
}


def ok(data: Any = ...) -> dict[str, Any]:
    error = {"code": "ok", "message": "", "log_id": LOG_ID}
    return {"error": error} if data is ... else {"data": data, "error": error}


def refusal(code: str, message: str = "no") -> dict[str, Any]:
    return {"data": {}, "error": {"code": code, "message": message, "log_id": LOG_ID}}


class Scripted:
    """A transport that gives one reply to everything and keeps what it was asked."""

    def __init__(self, status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        self._status = status
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._headers = headers
        self.seen: list[httpx.Request] = []

    def client(self) -> TikTokClient:
        transport = httpx.MockTransport(self._answer)
        return TikTokClient(api_url=API, auth_url="https://www.tiktok.com", transport=transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(self._status, stream=httpx.ByteStream(self._body), headers=self._headers)

    @property
    def request(self) -> httpx.Request:
        (request,) = self.seen
        return request

    @property
    def sent(self) -> Any:
        return json.loads(self.request.content)


Call = Callable[[TikTokClient], Awaitable[Any]]

V2_CALLS: dict[str, Call] = {
    "user_info": lambda c: c.user_info(TOKEN, ["open_id"], timeout=5),
    "video_list": lambda c: c.video_list(TOKEN, ["id"], timeout=5),
    "video_query": lambda c: c.video_query(TOKEN, ["id"], ["7"], timeout=5),
    "creator_info": lambda c: c.creator_info(TOKEN, timeout=5),
    "video_init": lambda c: c.video_init(TOKEN, VideoPost(privacy_level="SELF_ONLY"), FileUpload(plan(5)), timeout=5),
    "inbox_video_init": lambda c: c.inbox_video_init(TOKEN, FileUpload(plan(5)), timeout=5),
    "content_init": lambda c: c.content_init(
        TOKEN, PhotoDraft(photos=Photos(urls=("https://m.example/1",))), timeout=5
    ),
    "status_fetch": lambda c: c.status_fetch(TOKEN, "p1", timeout=5),
    "cancel": lambda c: c.cancel(TOKEN, "p1", timeout=5),
}
OAUTH_CALLS: dict[str, Call] = {
    "exchange_code": lambda c: c.exchange_code(APP, "Zx9*0!6410.va", redirect_uri="https://a.example/cb", timeout=5),
    "refresh": lambda c: c.refresh(APP, "rft.simBBB222", timeout=5),
    "client_token": lambda c: c.client_token(APP, timeout=5),
    "revoke": lambda c: c.revoke(APP, TOKEN, timeout=5),
}
EVERY_CALL = V2_CALLS | OAUTH_CALLS


async def failure(call: Call, scripted: Scripted) -> TikTokError:
    async with scripted.client() as client:
        with pytest.raises(TikTokError) as caught:
            await call(client)
    return caught.value
