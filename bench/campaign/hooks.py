"""TikTok's webhooks, signed here and sent as TikTok does: again and again, until they are answered 200."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp

from bench.campaign.cast import CLIENT_KEY
from bench.campaign.errors import CampaignError
from bench.campaign.journal import Journal
from bench.campaign.scene import Account, Scene, ask
from bench.campaign.script import HookKind, HookPlan

DOOR = "webhook"
AT_ONCE = 64
ANSWER_S = 15.0
"""Longer than ingest takes to say 503."""
AGAIN_S = 0.5
DRAFTS_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A webhook that was answered 200. `marker` is found in the event it has to become."""

    kind: HookKind
    marker: str
    body: bytes
    account: Account
    publish_id: str = ""


def sign(secret: str, t: int, body: bytes) -> str:
    """`TikTok-Signature`, written from fact sheet 6.2 alone."""
    mac = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={t},s={mac}"


def envelope(
    event: str, content: dict[str, Any], *, create_time: int, open_id: str | None, spaced: bool = False
) -> bytes:
    """The body as TikTok writes it; `spaced` is the same in other bytes."""
    separators = (", ", ": ") if spaced else (",", ":")
    body: dict[str, Any] = {"client_key": CLIENT_KEY, "event": event, "create_time": create_time}
    if open_id is not None:
        body["user_openid"] = open_id
    body["content"] = json.dumps(content, separators=separators)
    return json.dumps(body, separators=separators).encode()


@dataclass(slots=True)
class Hooks:
    """Sends what was planned. `sent` are those answered 200; `done` those the plan asked for so far."""

    http: aiohttp.ClientSession
    url: str
    secret: str
    scene: Scene
    simulator: str
    journal: Journal
    random: Random
    sent: list[Sent] = field(default_factory=list)
    tries: int = 0
    done: int = 0
    _base: int = field(default_factory=lambda: int(time.time()))
    _drafts: list[tuple[str, str]] = field(default_factory=list)
    _drafts_at: float = 0.0

    async def run(self, plan: Sequence[HookPlan], *, until: float, stop: asyncio.Event | None = None) -> None:
        """All of the plan in its time, or what of it is begun before `stop`.

        Raises `CampaignError` for one that is not accepted by `until` (monotonic).
        """
        began = time.monotonic()
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(hook: HookPlan) -> None:
            async with slots:
                for sent in await self._written(hook):
                    await self._deliver(sent, until=until)
                self.done += 1

        async with asyncio.TaskGroup() as group:
            for hook in sorted(plan, key=lambda hook: hook.at):
                if stop is not None and stop.is_set():
                    break
                await asyncio.sleep(max(0.0, began + hook.at - time.monotonic()))
                group.create_task(one(hook))

    async def _written(self, hook: HookPlan) -> list[Sent]:
        """The bodies of one planned webhook; a draft's needs a draft, and is of an unknown event until there is one."""
        account = self.scene.accounts[hook.account % len(self.scene.accounts)]
        marker, at = f"hook-{hook.n}", int(time.time())
        match hook.kind:
            case HookKind.DRAFT if (draft := await self._draft()) is not None:
                publish_id, open_id = draft
                content = {"publish_id": publish_id, "publish_type": "INBOX_SHARE", "marker": marker}
                # No two completions in one second: their time is what tells them apart.
                time_of_it = self._base - hook.n
                body = envelope("post.publish.complete", content, create_time=time_of_it, open_id=open_id)
                return [Sent(hook.kind, marker, body, account, publish_id)]
            case HookKind.UNKNOWN | HookKind.DRAFT:
                body = envelope("post.publish.reviewed", {"marker": marker}, create_time=at, open_id=account.open_id)
                return [Sent(HookKind.UNKNOWN, marker, body, account)]
            case HookKind.SHARE | HookKind.RESPELLED:
                content = {"share_id": marker}
                body = envelope("video.publish.completed", content, create_time=at, open_id=account.open_id)
                again = envelope(
                    "video.publish.completed", content, create_time=at, open_id=account.open_id, spaced=True
                )
                bodies = [body, again] if hook.kind is HookKind.RESPELLED else [body]
                return [Sent(hook.kind, marker, each, account) for each in bodies]
            case HookKind.PORTABILITY:
                content = {"request_id": marker}
                body = envelope("portability.download.ready", content, create_time=at, open_id=None)
                return [Sent(hook.kind, marker, body, account)]
            case HookKind.STRANGER:
                content = {"publish_id": f"v_pub_file~v2.{marker}", "publish_type": "DIRECT_PUBLISH"}
                body = envelope("post.publish.complete", content, create_time=at, open_id=account.open_id)
                return [Sent(hook.kind, marker, body, account, f"v_pub_file~v2.{marker}")]

    async def _draft(self) -> tuple[str, str] | None:
        """(publish id, open id) of a draft that waits in its creator's inbox."""
        if time.monotonic() - self._drafts_at > DRAFTS_EVERY_S:
            self._drafts_at = time.monotonic()
            shown = await ask(self.http, "GET", f"{self.simulator}/_sim/publications?limit=100000")
            self._drafts = [
                (row["publish_id"], row["open_id"])
                for row in shown["publications"]
                if row["status"] == "SEND_TO_USER_INBOX"
            ]
        return self.random.choice(self._drafts) if self._drafts else None

    async def _deliver(self, sent: Sent, *, until: float) -> None:
        t, resigns = int(time.time()), self.random.random() < 0.5
        while time.monotonic() < until:
            t = int(time.time()) if resigns else t
            if await self._post(sent.body, t) == 200:
                self.sent.append(sent)
                return
            await asyncio.sleep(AGAIN_S * self.random.uniform(0.5, 1.5))
        raise CampaignError(f"the webhook {sent.marker} was not accepted in time")

    async def _post(self, body: bytes, t: int) -> int:
        self.tries += 1
        began, status, flaw = time.monotonic(), 0, ""
        headers = {"Content-Type": "application/json", "TikTok-Signature": sign(self.secret, t, body)}
        try:
            async with self.http.post(
                self.url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(total=ANSWER_S)
            ) as answer:
                status, text = answer.status, await answer.read()
                if status not in (200, 503):
                    flaw = "is no answer to a signed webhook"
                elif status == 200 and text:
                    flaw = "has a body"
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        self.journal.note(DOOR, status, began=began, flaw=flaw)
        return status
