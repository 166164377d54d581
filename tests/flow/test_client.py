"""The client as the README shows it: its code runs as it stands, against a whole house and real deliveries."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from flow_house import Guest, HeldClock, Stage, open_stage

from libs.rest.client import AsyncClipwire, NotPublished, SignatureError, WebhookVerifier
from libs.runtime.web import HttpServer
from libs.signing import new_secret, new_signing_key
from tests.databases import Databases
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

README = Path(__file__).parents[2] / "README.md"


def printed(first_words: str) -> str:
    """The README's Python that follows these words, as it stands."""
    found = re.search(re.escape(first_words) + r".*?```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None, first_words
    return found[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Receivers look at the machine's own clock, so the house lives by it, but does not move."""
    name = databases.create()
    clock = HeldClock(datetime.now(UTC))
    async with open_stage(databases.url(name), tmp_path_factory.mktemp("house"), clock=clock) as stage:
        yield stage
    databases.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clip(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that TikTok takes."""
    file = tmp_path_factory.mktemp("clips") / "clip.mp4"
    file.write_bytes((await stage.http.get(f"{stage.urls['simulator']}/_sim/sample.mp4")).content)
    return file


@dataclass(frozen=True)
class Delivery:
    """One request as the wire had it, and the secret it was signed with."""

    secret: str
    headers: Mapping[str, str]
    body: bytes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def delivery(stage: Stage) -> AsyncIterator[Delivery]:
    """What the notifier really sent."""
    arrived: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        arrived.put_nowait((dict(request.headers), await request.read()))
        return web.Response()

    async with serving(take) as url:
        guest = await stage.guest()
        wanted = {"customer_id": guest.customer_id, "url": url, "events": ["webhook.test"]}
        made = await stage.api("POST", "endpoints", wanted)
        await stage.api("POST", f"endpoints/{made['id']}/test", status=202)
        headers, body = await asyncio.wait_for(arrived.get(), 20)
        yield Delivery(made["secret"], headers, body)


@asynccontextmanager
async def serving(take: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/clipwire", take)
    async with served(app) as url:
        yield f"{url}/clipwire"


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    server = HttpServer(app, host="127.0.0.1", port=0)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@asynccontextmanager
async def client_of(app: Any) -> AsyncIterator[httpx.AsyncClient | httpx.Client]:
    """Whoever calls the app that the README made, by the protocol it speaks."""
    async with AsyncExitStack() as parts:
        if isinstance(app, web.Application):
            url = await parts.enter_async_context(served(app))
            yield await parts.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        elif hasattr(app, "wsgi_app"):
            yield parts.enter_context(httpx.Client(base_url="http://it", transport=httpx.WSGITransport(app)))
        else:
            transport = httpx.ASGITransport(app)
            yield await parts.enter_async_context(httpx.AsyncClient(base_url="http://it", transport=transport))


async def post(client: httpx.AsyncClient | httpx.Client, body: bytes, headers: Mapping[str, str]) -> int:
    sent = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
    answer = client.post("/clipwire", content=body, headers=sent)
    return (answer if isinstance(answer, httpx.Response) else await answer).status_code


@pytest.mark.parametrize("framework", ["With aiohttp", "With FastAPI", "With Flask"])
async def test_the_receivers_of_the_readme_take_what_we_sent_and_nothing_else(
    delivery: Delivery, framework: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = f"{new_secret().reveal()},{delivery.secret}"
    monkeypatch.setenv("CLIPWIRE_WEBHOOK_SECRETS", secrets)
    said: list[tuple[Any, ...]] = []
    shown: dict[str, Any] = {"__name__": "readme", "print": lambda *words: said.append(words)}
    exec(compile(printed(framework), framework, "exec"), shown)

    async with client_of(shown["app"]) as client:
        taken = await post(client, delivery.body, delivery.headers)
        changed = await post(client, delivery.body.replace(b"test", b"text", 1), delivery.headers)
        bare = await post(client, delivery.body, {"content-type": "application/json"})

    assert (taken, changed, bare) == (200, 401, 401)
    assert said == [(delivery.headers["webhook-id"], "webhook.test")]


async def test_the_verifier_takes_either_secret_and_gives_the_event(delivery: Delivery) -> None:
    event = WebhookVerifier(new_secret().reveal(), delivery.secret).verify(delivery.body, delivery.headers)

    assert (event.id, event.type) == (delivery.headers["webhook-id"], "webhook.test")
    assert event.data["message"]
    assert int(event.sent_at.timestamp()) == int(delivery.headers["webhook-timestamp"])
    with pytest.raises(SignatureError):
        WebhookVerifier(new_secret().reveal()).verify(delivery.body, delivery.headers)


async def test_the_verifier_refuses_what_is_old_doubled_or_about_another_event(delivery: Delivery) -> None:
    later = datetime.now(UTC) + timedelta(seconds=301)
    with pytest.raises(SignatureError, match="too long ago"):
        WebhookVerifier(delivery.secret, now=lambda: later).verify(delivery.body, delivery.headers)
    WebhookVerifier(delivery.secret, now=lambda: later, tolerance_s=600).verify(delivery.body, delivery.headers)

    doubled = httpx.Headers([*delivery.headers.items(), ("Webhook-Id", "evt_other")])
    with pytest.raises(SignatureError):
        WebhookVerifier(delivery.secret).verify(delivery.body, doubled)


async def test_the_verifier_knows_public_keys(stage: Stage) -> None:
    from libs.signing import sign

    key = new_signing_key()
    body = b'{"id":"evt_1","type":"webhook.test","timestamp":"2026-11-29T09:00:00Z","data":{}}'
    headers = sign([key], message_id="evt_1", timestamp=int(datetime.now(UTC).timestamp()), body=body)
    other = sign([key], message_id="evt_2", timestamp=int(datetime.now(UTC).timestamp()), body=body)

    assert WebhookVerifier(key.public.text).verify(body, headers).id == "evt_1"
    with pytest.raises(SignatureError, match="another event"):
        WebhookVerifier(key.public.text).verify(body, other)


async def test_the_client_of_the_readme_uploads_posts_and_waits(
    stage: Stage, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest: Guest = await stage.guest()
    made = await stage.api(
        "POST",
        "keys",
        {"customer_id": guest.customer_id, "name": "readme", "grants": {"posts": "full", "media": "full"}},
    )
    monkeypatch.chdir(clip.parent)
    said: list[str] = []
    shown = {
        "key": made["secret"],
        "account_id": guest.account_id,
        "print": lambda *words: said.append(" ".join(map(str, words))),
    }
    code = printed("## A client in Python").replace("http://127.0.0.1:8080", stage.urls["api"])

    await asyncio.to_thread(exec, compile(code, "readme", "exec"), shown)

    size = os.stat(clip).st_size
    assert f"{size} of {size} bytes" in said
    assert said[-2].startswith("published (")
    assert said[-1].startswith("post_")


async def test_waiting_for_a_post_that_fails_says_how_it_ended(stage: Stage) -> None:
    guest = await stage.guest()
    async with AsyncClipwire(stage.urls["api"], stage.keepsake.operator_key) as client:
        post = await client.posts.create(
            account_id=guest.account_id,
            kind="video",
            media=(f"{stage.urls['simulator']}/_sim/none.mp4",),
            privacy_level="SELF_ONLY",
        )

        async def over() -> NotPublished:
            with pytest.raises(NotPublished) as ended:
                await client.posts.wait_until_published(post.id, 20)
            return ended.value

        ended = await eventually(over)

    assert str(ended.post.state) == "failed"
    assert ended.post.problem is not None and ended.post.problem["code"] in str(ended.post.problem)
