"""`/_sim/` views, and what creators and the portal can do: posts, webhooks, calls, apps, files."""

from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.runtime.clock import Clock
from services.simulator.engine.stage import Stage
from services.simulator.engine.webhook import Webhooks, envelope
from services.simulator.fault.book import FaultBook
from services.simulator.log import CallLog
from services.simulator.script.shape import BadRequest, answer, body_as, not_found, number
from services.simulator.script.view import duplicates, post_view, publication_view, webhook_view
from services.simulator.world.error import Refused
from services.simulator.world.lifecycle import News
from services.simulator.world.record import FailReason, Post, Privacy, Publication
from services.simulator.world.world import World

PAGE = 1_000
PING = "tiktok.ping"


class DraftChoice(BaseModel):
    """How the creator posts a draft in the app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    privacy_level: Privacy = Privacy.SELF
    title: str = Field("", max_length=4000)


class SendWebhook(BaseModel):
    """Any event; `raw` sends these very bytes instead of an envelope."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str = Field(max_length=200)
    content: dict[str, Any] = Field(default_factory=dict)
    user_openid: str | None = None
    client_key: str | None = None
    create_time: Annotated[int, Field(ge=0, lt=1 << 63)] | None = None
    raw: str | None = Field(None, max_length=1 << 20)


class Inspect:
    def __init__(
        self,
        world: World,
        clock: Clock,
        stage: Stage,
        *,
        webhooks: Webhooks,
        calls: CallLog,
        faults: FaultBook,
        client_key: str,
        health: Any,
    ) -> None:
        self._world = world
        self._clock = clock
        self._stage = stage
        self._webhooks = webhooks
        self._calls = calls
        self._faults = faults
        self._client_key = client_key
        self._health = health

    def mount(self, app: web.Application) -> None:
        add = app.router.add_route
        add("GET", "/_sim/world", self.everything)
        add("GET", "/_sim/publications", self.publications)
        add("GET", "/_sim/publications/{id}", self.publication)
        add("POST", "/_sim/publications/{id}/post", self.post_draft)
        add("POST", "/_sim/publications/{id}/fail", self.fail)
        add("GET", "/_sim/posts", self.posts)
        add("GET", "/_sim/posts/{id}", self.post)
        add("POST", "/_sim/posts/{id}/publish", self.make_public)
        add("POST", "/_sim/posts/{id}/remove", self.take_down)
        add("GET", "/_sim/webhooks", self.webhooks)
        add("POST", "/_sim/webhooks", self.send)
        add("GET", "/_sim/calls", self.calls)

    # Views

    async def everything(self, request: web.Request) -> web.Response:
        """Counts, posts, publications and duplicates; `?open_id=` narrows it, `?limit=` bounds each list."""
        self._stage.settle()
        limit, open_id = number(request, "limit", PAGE), request.query.get("open_id")
        world = self._world
        pubs = [pub for pub in world.publications if open_id in (None, pub.open_id)]
        shown = self._posts(open_id)
        posts = [post_view(world, post) for post in shown]
        return answer(
            {
                "now": self._clock.now().isoformat(),
                "counts": {
                    "accounts": len(world.creators),
                    "publications": len(pubs),
                    "posts": len(posts),
                    "webhooks": len(self._webhooks.sent),
                    "faults": len(self._faults.listing()),
                },
                "health": self._health(),
                "calls": [
                    {"endpoint": endpoint, "code": code, "count": count}
                    for (endpoint, code), count in sorted(self._calls.counts.items())
                ],
                "posts": posts[-limit:] if limit else [],
                "publications": [publication_view(pub) for pub in pubs[-limit:]] if limit else [],
                "duplicates": duplicates(shown),
            }
        )

    def _posts(self, open_id: str | None) -> list[Post]:
        world = self._world
        if open_id is None:
            return list(world.posts)
        grant = world.grants.get(open_id)
        return list(world.posts_of(grant.union_id)) if grant else []

    async def publications(self, request: web.Request) -> web.Response:
        self._stage.settle()
        rows = self._world.publications.newest(number(request, "limit", 100))
        return answer({"publications": [publication_view(pub) for pub in rows]})

    async def publication(self, request: web.Request) -> web.Response:
        self._stage.settle()
        pub = self._pub(request)
        return answer(publication_view(pub)) if pub else not_found("publication")

    async def posts(self, request: web.Request) -> web.Response:
        self._stage.settle()
        rows = self._world.posts.newest(number(request, "limit", 100))
        return answer({"posts": [post_view(self._world, post) for post in rows]})

    async def post(self, request: web.Request) -> web.Response:
        post = self._post(request)
        return answer(post_view(self._world, post)) if post else not_found("post")

    async def webhooks(self, request: web.Request) -> web.Response:
        """Newest first; `?event=`, `?publish_id=`, `?state=`."""
        self._stage.settle()
        event, publish_id, state = (request.query.get(name) for name in ("event", "publish_id", "state"))
        rows = [
            webhook_view(hook)
            for hook in self._webhooks.sent.newest(len(self._webhooks.sent))
            if event in (None, hook.event) and publish_id in (None, hook.publish_id) and state in (None, hook.state)
        ]
        return answer({"webhooks": rows[: number(request, "limit", 100)]})

    async def calls(self, request: web.Request) -> web.Response:
        """Oldest first; `?endpoint=`, `?open_id=`, `?publish_id=`, `?after=seq`, `?limit=`."""
        query = request.query
        rows = self._calls.find(
            endpoint=query.get("endpoint"),
            open_id=query.get("open_id"),
            publish_id=query.get("publish_id"),
            after=number(request, "after", 0),
            limit=number(request, "limit", PAGE),
        )
        return answer({"calls": [call.shown() for call in rows]})

    # Deeds

    async def post_draft(self, request: web.Request) -> web.Response:
        """The creator posts the draft in the app; calling again posts it again, which is legal."""
        self._stage.settle()
        pub = self._pub(request)
        if pub is None:
            return not_found("publication")
        choice = await body_as(DraftChoice, request)
        try:
            post = self._stage.post_draft(pub, choice=choice.model_dump(mode="json"), now=self._clock.now())
        except Refused as refused:
            raise BadRequest(refused.message) from None
        return answer(post_view(self._world, post) if post else publication_view(pub), status=201)

    async def fail(self, request: web.Request) -> web.Response:
        """Ends it with `?reason=` (default `internal`)."""
        pub = self._pub(request)
        if pub is None:
            return not_found("publication")
        reason = request.query.get("reason", FailReason.INTERNAL)
        if reason not in set(FailReason):
            raise BadRequest("reason is none of TikTok's fail_reasons")
        self._stage.fail(pub, FailReason(reason), now=self._clock.now())
        return answer(publication_view(pub))

    async def make_public(self, request: web.Request) -> web.Response:
        """Moderation passes now."""
        post = self._post(request)
        if post is None:
            return not_found("post")
        self._stage.make_public(post, now=self._clock.now())
        return answer(post_view(self._world, post))

    async def take_down(self, request: web.Request) -> web.Response:
        """The creator deletes or hides it; news only if it was public."""
        post = self._post(request)
        if post is None:
            return not_found("post")
        self._stage.take_down(post, now=self._clock.now())
        return answer(post_view(self._world, post))

    async def send(self, request: web.Request) -> web.Response:
        """The portal's "Test URL" button and more: any event, signed, to the app's callback URL."""
        wanted = await body_as(SendWebhook, request)
        client = self._world.clients.get(wanted.client_key or self._client_key)
        if client is None:
            raise BadRequest("client_key: no such app")
        now = self._clock.now()
        body = (
            wanted.raw.encode("utf-8", "surrogatepass")
            if wanted.raw is not None
            else _event_body(client.key, wanted, now)
        )
        publish_id = wanted.content.get("publish_id")
        hook = self._webhooks.send(
            client,
            wanted.event,
            body,
            at=now,
            open_id=wanted.user_openid,
            publish_id=publish_id if isinstance(publish_id, str) else None,
        )
        return answer(webhook_view(hook), status=201)

    def _pub(self, request: web.Request) -> Publication | None:
        return self._world.publications.get(request.match_info["id"])

    def _post(self, request: web.Request) -> Post | None:
        given = request.match_info["id"]
        return self._world.posts.get(int(given)) if given.isascii() and given.isdigit() and len(given) < 20 else None


def _event_body(client_key: str, wanted: SendWebhook, now: datetime) -> bytes:
    """The envelope; the portal's own test event counts milliseconds and has an empty `user_openid`."""
    ping = wanted.event == PING
    content = wanted.content or ({"reason": "testing Webhook"} if ping else {})
    open_id = "" if ping and wanted.user_openid is None else wanted.user_openid
    create_time = wanted.create_time or int(now.timestamp() * (1000 if ping else 1))
    return envelope(News(wanted.event, client_key, content, now, open_id), create_time=create_time)
