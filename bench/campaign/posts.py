"""Post requests, through the door that counts: REST, repeated until it is answered, or RabbitMQ, until it confirms."""

import asyncio
import random as dice
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from bench.campaign.errors import CampaignError
from bench.campaign.jobs import JobQueue
from bench.campaign.journal import Journal
from bench.campaign.scene import Account, Scene
from bench.campaign.script import Film, PostPlan

DOOR = "post"
ANSWER_S = 30.0
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """A post that was accepted: answered 201 (then `post_id` is known), or confirmed by RabbitMQ."""

    plan: PostPlan
    key: str
    title: str
    account: Account
    at: float
    post_id: str | None


def request_of(plan: PostPlan, scene: Scene, *, key: str) -> dict[str, Any]:
    """The post request. Its title is its key, so that the simulator's world can be searched for it."""
    account = scene.accounts[plan.account]
    match plan.film:
        case Film.LIBRARY:
            media = scene.library[account.customer]
        case Film.LARGE:
            media = scene.large[account.customer]
        case Film.ADDRESS:
            media = scene.video_url
        case Film.BROKEN:
            media = scene.broken_url
    wanted = {"account_id": account.id, "kind": "video", "media": [media], "title": key}
    if plan.inbox:
        return wanted | {"mode": "inbox"}
    return wanted | {"privacy_level": "PUBLIC_TO_EVERYONE" if plan.public else "SELF_ONLY"}


@dataclass(slots=True)
class Posts:
    """Sends what was planned: by RabbitMQ those for which `by_queue` says so, by REST the others."""

    http: aiohttp.ClientSession
    url: str
    operator_key: str
    scene: Scene
    journal: Journal
    queue: JobQueue | None
    run_name: str
    queued_share: float
    asked: list[Asked] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    done: int = 0

    async def run(self, plan: Sequence[PostPlan], *, until: float, stop: asyncio.Event | None = None) -> None:
        """All of the plan in its time, or what of it is begun before `stop`.

        Raises `CampaignError` for one that is not accepted by `until` (monotonic).
        """
        began = time.monotonic()

        async def one(post: PostPlan) -> None:
            by_queue = self.queue is not None and (post.n * 0.618) % 1 < self.queued_share
            for _ in range(2 if post.twice else 1):
                await self.send(post, by_queue=by_queue, until=until)
            self.done += 1

        async with asyncio.TaskGroup() as group:
            for post in sorted(plan, key=lambda post: post.at):
                if stop is not None and stop.is_set():
                    break
                await asyncio.sleep(max(0.0, began + post.at - time.monotonic()))
                group.create_task(one(post))

    async def send(self, plan: PostPlan, *, by_queue: bool, until: float) -> Asked:
        """Sends one request until it is accepted; the second time it has to be the same post."""
        key = f"{self.run_name}-{plan.n}"
        account = self.scene.accounts[plan.account]
        body = request_of(plan, self.scene, key=key)
        if by_queue and self.queue is not None:
            job = orjson.dumps(body | {"customer_id": account.customer_id})
            await self.queue.publish(key, job, until=until)
            post_id = None
        else:
            post_id = await self._by_rest(body | {"customer_id": account.customer_id}, key=key, until=until)
        asked = Asked(plan, key, key, account, time.monotonic(), post_id)
        known = next((each for each in self.asked if each.key == key), None)
        if known is None:
            self.asked.append(asked)
        elif known.post_id != post_id:
            self.flaws.append(f"{key} was accepted as {known.post_id} and as {post_id}")
        return asked

    async def _by_rest(self, body: dict[str, Any], *, key: str, until: float) -> str:
        while time.monotonic() < until:
            if (post_id := await self._try(body, key=key)) is not None:
                return post_id
            await asyncio.sleep(AGAIN_S * dice.uniform(0.5, 1.5))
        raise CampaignError(f"the post {key} was not accepted in time")

    async def _try(self, body: dict[str, Any], *, key: str) -> str | None:
        began, status, flaw, post_id = time.monotonic(), 0, "", None
        headers = {"Authorization": f"Bearer {self.operator_key}", "Idempotency-Key": key}
        try:
            async with self.http.post(
                self.url, json=body, headers=headers, timeout=aiohttp.ClientTimeout(total=ANSWER_S)
            ) as answer:
                status, said = answer.status, await answer.json(content_type=None)
                if status in (200, 201):
                    post_id = str(said["id"])
                elif status != 503:
                    flaw = f"is no answer to a good request: {said}"
                elif answer.content_type != "application/problem+json" or not said.get("code"):
                    flaw = "is no problem+json"
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        except ValueError:
            flaw = "is not JSON"
        self.journal.note(DOOR, status, began=began, flaw=flaw)
        return post_id
