"""The customers: every delivery is judged by a stranger's library and remembered.

A few first tries are answered 500, so that second tries are looked at too. What is delivered again after it was
answered 200 is a duplicate; what is delivered again after a 500 is what was asked for.
"""

import asyncio
import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

REFUSED_SHARE = 0.02
SLOW_SHARE = 0.1
QUICK_S, SLOW_S = (0.0, 0.15), (0.3, 0.9)


@dataclass(slots=True)
class Heard:
    """One webhook-id, and every delivery of it."""

    customer: str
    type: str
    body: dict[str, Any]
    digest: bytes
    first_at: float
    tries: int = 0
    answered: int = 0
    """Tries that were answered 200."""


@dataclass(slots=True)
class Customer:
    """One endpoint of one customer; `secret` is known once the endpoint was made."""

    name: str
    id: str = ""
    secret: str = ""
    heard: dict[str, Heard] = field(default_factory=dict)


class Sink:
    """One loopback server with a path per customer. `faults` maps what went wrong to how often it did."""

    def __init__(self, names: list[str], *, seed: int) -> None:
        self.customers = {name: Customer(name) for name in names}
        self.faults: Counter[str] = Counter()
        self.refused = 0
        self._random = Random(f"{seed}:sink")
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/{name}", self._deliver)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port}/{name}"

    @property
    def heard(self) -> dict[str, Heard]:
        """Every webhook-id of every customer."""
        return {id_: heard for customer in self.customers.values() for id_, heard in customer.heard.items()}

    @property
    def received(self) -> int:
        return sum(heard.tries for customer in self.customers.values() for heard in customer.heard.values())

    @property
    def duplicates(self) -> int:
        return sum(
            heard.answered - 1 for customer in self.customers.values() for heard in customer.heard.values()
            if heard.answered > 1
        )  # fmt: skip

    def told(self, type_: str, post_id: str) -> float | None:
        """When the first event of this type of this post was heard, in `time.monotonic()` seconds."""
        times = [
            heard.first_at
            for customer in self.customers.values()
            for heard in customer.heard.values()
            if heard.type == type_ and heard.body["data"].get("post_id") == post_id
        ]
        return min(times, default=None)

    async def _deliver(self, request: web.Request) -> web.Response:
        customer = self.customers.get(request.match_info["name"])
        body = await request.read()
        if customer is None:
            self.faults["a path nobody registered"] += 1
            return web.Response(status=404)
        try:
            Webhook(customer.secret).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.faults[f"signature: {error}"] += 1
            return web.Response(status=400)
        heard = self._remember(customer, request.headers["webhook-id"], body)
        heard.tries += 1
        refuses = heard.tries == 1 and self._random.random() < REFUSED_SHARE
        self.refused += refuses
        heard.answered += not refuses
        # A customer takes a moment, so that a sender can be struck between sending and hearing the answer.
        await asyncio.sleep(self._random.uniform(*(SLOW_S if self._random.random() < SLOW_SHARE else QUICK_S)))
        return web.Response(status=500 if refuses else 200)

    def _remember(self, customer: Customer, id_: str, body: bytes) -> Heard:
        digest = hashlib.sha256(body).digest()
        heard = customer.heard.get(id_)
        if heard is not None:
            if heard.digest != digest:
                self.faults["another body under the same webhook-id"] += 1
            return heard
        said = orjson.loads(body)
        if said.get("id") != id_:
            self.faults["the body's id is not the webhook-id"] += 1
        if said["data"].get("customer_id", customer.id) != customer.id:
            self.faults["another customer's event"] += 1
        heard = Heard(customer.name, said["type"], said, digest, time.monotonic())
        customer.heard[id_] = heard
        return heard


def natural(type_: str, data: dict[str, Any]) -> tuple[Any, ...] | None:
    """What happened, read from the body alone: the same twice under two webhook-ids would be one event told twice.

    None for what may rightly happen several times (a retry).
    """
    match type_.partition(".")[0], type_:
        case _, "post.retrying":
            return None
        case _, "post.published":
            return (type_, data["post_id"], data["completion"])
        case _, "post.publicly_available" | "post.no_longer_available":
            return (type_, data["post_id"], data["tiktok_post_id"], data["tiktok_create_time"])
        case _, "post.uploading" | "post.uploaded" | "post.processing":
            return (type_, data["post_id"], data["publish_id"])
        case "post", _:
            return (type_, data["post_id"])
        case "account", _:
            return (type_, data["account_id"])
        case "media", _:
            return (type_, data["media_id"], data["post_id"])
        case _:
            return (type_, data["account_id"], data["create_time"], orjson.dumps(data["content"]))
