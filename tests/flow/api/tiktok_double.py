"""A TikTok that grants whatever it is asked for and counts how often it was."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

SCOPE = "user.info.basic,video.publish,video.upload"


class Double:
    """Its `asked` counts calls by path."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.url = ""

    async def token(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        code = str((await request.post()).get("code", ""))
        return web.json_response(
            {
                "access_token": f"act.{code}", "expires_in": 86400, "open_id": f"-000{code}", "scope": SCOPE,
                "refresh_token": f"rft.{code}", "refresh_expires_in": 31536000, "token_type": "Bearer",
            }
        )  # fmt: skip

    async def user(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        return web.json_response({"data": {"user": {}}, "error": {"code": "ok", "message": "", "log_id": "l"}})


@asynccontextmanager
async def tiktok_double() -> AsyncIterator[Double]:
    double, app = Double(), web.Application()
    app.router.add_post("/v2/oauth/token/", double.token)
    app.router.add_get("/v2/user/info/", double.user)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
