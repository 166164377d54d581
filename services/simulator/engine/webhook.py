"""Webhooks: the envelope, the signature, retries for 72 h, and what faults do to them (fact sheet 6)."""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import aiohttp

from libs.runtime.clock import Clock
from services.simulator.engine.dials import Dials
from services.simulator.engine.jobs import Jobs
from services.simulator.fault.book import FaultBook
from services.simulator.fault.rule import Do, Facts, Fault
from services.simulator.world.agenda import Agenda
from services.simulator.world.lifecycle import NO_LONGER_PUBLIC, PUBLIC, News
from services.simulator.world.record import Client
from services.simulator.world.table import Table
from services.simulator.world.world import World

AT_ONCE = 64
HOLD_S = 30.0
OLDER_SPELLING = {
    PUBLIC: "post.publish.publicaly_available",
    NO_LONGER_PUBLIC: "post.publish.no_longer_publicly_available",
}


class State(StrEnum):
    """Of a webhook on its way."""

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    """By a fault, or because no URL was set when it was made."""
    GIVEN_UP = "given_up"


@dataclass(slots=True)
class Attempt:
    at: datetime
    t: int
    status: int | None = None
    error: str | None = None
    ms: float = 0.0


@dataclass(slots=True)
class Webhook:
    """One event and its attempts. `body` never changes; duplicates are rows of their own with the same body."""

    seq: int
    client_key: str
    event: str
    body: bytes
    created_at: datetime
    open_id: str | None = None
    publish_id: str | None = None
    state: State = State.PENDING
    corrupt: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    next_at: datetime | None = None
    copy_of: int | None = None

    @property
    def tried(self) -> bool:
        """Whether it was answered, or is not to be sent at all."""
        return self.state is State.DROPPED or bool(self.attempts and self.attempts[-1].ms)


def envelope(news: News, *, create_time: int) -> bytes:
    """The body as TikTok writes it: compact, `content` a string of JSON, no `user_openid` for portability."""
    body: dict[str, Any] = {"client_key": news.client_key, "event": news.event, "create_time": create_time}
    if news.open_id is not None:
        body["user_openid"] = news.open_id
    body["content"] = json.dumps(news.content, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def sign(secret: str, t: int, body: bytes) -> str:
    """The value of `TikTok-Signature`: HMAC-SHA256 over `t.body`, hex."""
    mac = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={t},s={mac}"


def backoff_s(attempt: int, *, first_s: float, most_s: float, dice: float) -> float:
    """Wait after the `attempt`-th failure (from 1): doubling, ±20 % by `dice` in [0, 1)."""
    return min(first_s * 2.0 ** min(attempt - 1, 40), most_s) * (0.8 + 0.4 * dice)


class Webhooks:
    """Sends every event to its app's callback URL. Call `start` before and `stop` after use."""

    def __init__(
        self, world: World, clock: Clock, agenda: Agenda, dials: Dials, faults: FaultBook, jobs: Jobs, *, history: int
    ) -> None:
        self._world = world
        self._clock = clock
        self._agenda = agenda
        self._dials = dials
        self._faults = faults
        self._jobs = jobs
        self._seq = itertools.count(1)
        self._held: list[Webhook] = []
        self._answered = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self.sent: Table[int, Webhook] = Table(history, may_go=lambda hook: hook.state is not State.PENDING)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(trust_env=False, auto_decompress=False)

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()

    def clear(self) -> None:
        self.sent.clear()
        self._held.clear()

    def announce(self, news: News) -> Webhook | None:
        """Makes the event's body now and sends it in its own time. None when its app is unknown."""
        client = self._world.clients.get(news.client_key)
        if client is None:
            return None
        event = OLDER_SPELLING.get(news.event, news.event) if self._dials.now.event_spelling == "older" else news.event
        spelled = News(event, news.client_key, news.content, news.at, news.open_id)
        body = envelope(spelled, create_time=int(news.at.timestamp()))
        return self.send(client, event, body, at=news.at, open_id=news.open_id, publish_id=news.publish_id)

    def send(
        self,
        client: Client,
        event: str,
        body: bytes,
        *,
        at: datetime,
        open_id: str | None = None,
        publish_id: str | None = None,
    ) -> Webhook:
        """Sends these very bytes, signed, through the armed faults; also what the page's form and `trigger` use."""
        hook = Webhook(next(self._seq), client.key, event, body, at, open_id, publish_id)
        faults = self._faults.for_webhook(Facts(event=event, open_id=open_id, publish_id=publish_id))
        self.sent.add(hook.seq, hook)
        if not client.webhook_url or any(fault.do is Do.DROP for fault in faults):
            hook.state = State.DROPPED
            self._tell_waiting()
            return hook
        self._dispatch(hook, faults, at)
        return hook

    def _dispatch(self, hook: Webhook, faults: list[Fault], at: datetime) -> None:
        wait = self._dials.now.webhook_delay_s
        for fault in faults:
            match fault.do:
                case Do.DELAY:
                    wait += fault.seconds or 0.0
                case Do.CORRUPT:
                    hook.corrupt = fault.part
                case Do.DUPLICATE:
                    for copy in range(1, fault.times + 1):
                        twin = Webhook(next(self._seq), hook.client_key, hook.event, hook.body, at, hook.open_id)
                        twin.publish_id, twin.copy_of = hook.publish_id, hook.seq
                        self.sent.add(twin.seq, twin)
                        self._schedule(twin, at, wait + copy * (fault.seconds or 0.0))
                case Do.REORDER:
                    hook.state = State.HELD
                case _:
                    continue
        if hook.state is State.HELD:
            limit = next((fault.seconds for fault in faults if fault.do is Do.REORDER and fault.seconds), HOLD_S)
            self._held.append(hook)
            self._agenda.after(at, limit, lambda due: self._release([hook], due))
        else:
            self._schedule(hook, at, wait)

    def _release(self, hooks: list[Webhook], at: datetime) -> None:
        for hook in hooks:
            if hook in self._held:
                self._held.remove(hook)
                hook.state = State.PENDING
                self._schedule(hook, at, 0.0)

    def _schedule(self, hook: Webhook, at: datetime, wait_s: float) -> None:
        hook.next_at = at + timedelta(seconds=wait_s)
        self._agenda.at(hook.next_at, lambda _: self._go(hook))

    def _go(self, hook: Webhook) -> None:
        if hook.state is State.PENDING:
            self._jobs.spawn(self._attempt(hook), name=f"webhook {hook.seq}")

    async def _attempt(self, hook: Webhook) -> None:
        client = self._world.clients.get(hook.client_key)
        if client is None or self._session is None:
            hook.state = State.DROPPED
            return
        async with self._slots:
            now = self._clock.now()
            first_t = hook.attempts[0].t if hook.attempts and not self._dials.now.webhook_resign else None
            attempt = Attempt(now, first_t if first_t is not None else int(now.timestamp()))
            hook.attempts.append(attempt)
            hook.next_at = None
            await self._post(self._session, client, hook, attempt)
        self._settle(hook, attempt)
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        self._answered.set()
        self._answered = asyncio.Event()

    async def _post(self, session: aiohttp.ClientSession, client: Client, hook: Webhook, attempt: Attempt) -> None:
        body, headers = corrupted(hook, client.secrets[0], attempt.t)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with session.post(
                client.webhook_url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._dials.now.webhook_timeout_real_s),
            ) as response:
                attempt.status = response.status
                await response.content.read(4096)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            attempt.error = type(error).__name__
        attempt.ms = (loop.time() - started) * 1000

    def _settle(self, hook: Webhook, attempt: Attempt) -> None:
        knobs = self._dials.now
        if attempt.status == 200:
            hook.state = State.DELIVERED
        else:
            tries = len(hook.attempts)
            dice = self._world.ids.dice.random()
            wait = backoff_s(tries, first_s=knobs.webhook_retry_first_s, most_s=knobs.webhook_retry_max_s, dice=dice)
            now = self._clock.now()
            if now + timedelta(seconds=wait) > hook.created_at + timedelta(seconds=knobs.webhook_retry_for_s):
                hook.state = State.GIVEN_UP
            else:
                self._schedule(hook, now, wait)
        if self._held:
            self._release([held for held in self._held if held.client_key == hook.client_key], self._clock.now())

    async def wait_answered(self, is_it: Callable[[Webhook], bool], *, timeout: float) -> bool:
        """True once a webhook that `is_it` was attempted, or dropped; False after `timeout` real seconds."""
        try:
            async with asyncio.timeout(timeout):
                while not any(hook.tried for hook in self.sent if is_it(hook)):
                    await self._answered.wait()
        except TimeoutError:
            return False
        return True


def corrupted(hook: Webhook, secret: str, t: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers as they go out: whole, or with the part a fault named broken."""
    headers = {"Content-Type": "application/json", "User-Agent": "TikTok-Webhook-Simulator"}
    body = hook.body
    match hook.corrupt:
        case "header":
            return body, headers
        case "secret":
            value = sign(secret + "x", t, body)
        case "signature":
            value = sign(secret, t, body)[:-1] + "g"
        case "body":
            value = sign(secret, t, body)
            body = body[:-1] + b" }" if body.endswith(b"}") else body + b" "
        case _:
            value = sign(secret, t, body)
    headers["Tiktok-Signature"] = value
    return body, headers
