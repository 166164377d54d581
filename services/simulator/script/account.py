"""`/_sim/accounts`: creators in any state, with tokens on the spot."""

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.runtime.clock import Clock
from services.simulator.engine.dials import Dials
from services.simulator.engine.stage import Stage
from services.simulator.script.shape import BadRequest, answer, body_as, json_of, not_found, number, parsed_as
from services.simulator.world import cap, oauth
from services.simulator.world.record import SCOPES, Client, Creator, Grant, Kind, Post, Privacy
from services.simulator.world.world import World

Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,64}$")]


class AccountState(BaseModel):
    """What can be told about a creator; left out is unchanged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    display_name: str | None = Field(None, max_length=100)
    bio: str | None = Field(None, max_length=500)
    verified: bool | None = None
    private: bool | None = Field(
        None, description="new accounts: true while their app is unaudited, so that they can post"
    )
    banned: bool | None = None
    comment_disabled: bool | None = None
    duet_disabled: bool | None = None
    stitch_disabled: bool | None = None
    max_video_s: Annotated[int, Field(ge=1, le=3600)] | None = None
    app_version: Annotated[str, Field(pattern=r"^\d{1,4}(\.\d{1,4}){0,3}$")] | None = None
    followers: Annotated[int, Field(ge=0)] | None = None
    following: Annotated[int, Field(ge=0)] | None = None
    likes: Annotated[int, Field(ge=0)] | None = None
    daily_post_cap: Annotated[int, Field(ge=0)] | None = None
    cap_told: Literal["init", "fail_reason"] | None = Field(
        None, description="where the daily cap is said: at the init, or as the `fail_reason` of a post that was taken"
    )
    pending_share_cap: Annotated[int, Field(ge=0)] | None = None
    limits: dict[str, Annotated[int, Field(ge=0)]] | None = Field(None, description="calls a minute by endpoint")
    spent_posts: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="direct posts of the last 24 h"
    )
    comments: list[dict[str, Any]] | None = Field(None, max_length=1000, description="for the research path")


class NewAccount(AccountState):
    username: Username | None = None
    client_key: str | None = None
    scopes: list[str] | None = Field(None, description="granted scopes; default all")
    connect: bool = Field(True, description="make a grant and tokens at once")
    videos: Annotated[int, Field(ge=0, le=2_000)] = Field(0, description="public videos already on the profile")


class TokenRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    scopes: list[str] | None = None


class Accounts:
    def __init__(self, world: World, clock: Clock, dials: Dials, stage: Stage, *, client_key: str) -> None:
        self._world = world
        self._clock = clock
        self._dials = dials
        self._stage = stage
        self._client_key = client_key
        self._made = 0

    def mount(self, app: web.Application) -> None:
        path = "/_sim/accounts/{who}"
        app.router.add_post("/_sim/accounts", self.create)
        app.router.add_get("/_sim/accounts", self.listing)
        app.router.add_get(path, self.one)
        app.router.add_patch(path, self.change)
        app.router.add_post(path + "/tokens", self.tokens)
        app.router.add_post(path + "/expire", self.expire)
        app.router.add_post(path + "/disconnect", self.disconnect)

    async def create(self, request: web.Request) -> web.Response:
        wanted = await body_as(NewAccount, request)
        client = self._client(wanted.client_key)
        scopes = _scopes(wanted.scopes)
        now = self._clock.now()
        self._made += 1
        username = wanted.username or f"simuser{self._made}"
        if self._world.creator_named(username) is not None:
            raise BadRequest(f"there is a creator {username!r} already")
        creator = Creator(
            f"sim-union-{self._world.ids.number(now)}", username, wanted.display_name or f"Sim {username}"
        )
        creator.private = not client.audited
        self._apply(creator, wanted)
        self._world.creators.add(creator.union_id, creator)
        self._seed_videos(creator, wanted.videos)
        if not wanted.connect:
            return answer(self.shown(creator), status=201)
        grant = oauth.authorize(self._world, client, creator, scopes, now=now)
        pair = oauth.issue(self._world, grant, scopes, now=now, knobs=self._dials.now)
        return answer({**self.shown(creator), **pair, "client_key": client.key}, status=201)

    async def listing(self, request: web.Request) -> web.Response:
        """Newest first, at most `?limit=`."""
        newest = self._world.creators.newest(number(request, "limit", 1_000))
        return answer({"accounts": [self.shown(creator) for creator in newest]})

    async def one(self, request: web.Request) -> web.Response:
        creator = self._find(request)
        return answer(self.shown(creator)) if creator else not_found("account")

    async def change(self, request: web.Request) -> web.Response:
        creator = self._find(request)
        if creator is None:
            return not_found("account")
        self._apply(creator, await body_as(AccountState, request))
        return answer(self.shown(creator))

    async def tokens(self, request: web.Request) -> web.Response:
        """A new pair, as if the creator had just gone through the consent page."""
        creator = self._find(request)
        if creator is None:
            return not_found("account")
        wanted = parsed_as(TokenRequest, await json_of(request))
        client, now = self._client(request.query.get("client_key")), self._clock.now()
        scopes = _scopes(wanted.scopes)
        grant = oauth.authorize(self._world, client, creator, scopes, now=now)
        return answer(oauth.issue(self._world, grant, scopes, now=now, knobs=self._dials.now), status=201)

    async def expire(self, request: web.Request) -> web.Response:
        """All access tokens of the account run out now; `?refresh=1`: its refresh tokens too."""
        creator, now = self._find(request), self._clock.now()
        if creator is None:
            return not_found("account")
        mine = {grant.open_id for grant in self._grants(creator)}
        for token in self._world.access:
            if token.open_id in mine:
                token.expires_at = min(token.expires_at, now)
        if request.query.get("refresh") == "1":
            for refresh in self._world.refresh:
                if refresh.open_id in mine:
                    refresh.expires_at = min(refresh.expires_at, now)
        return web.Response(status=204)

    async def disconnect(self, request: web.Request) -> web.Response:
        """The creator removes the app: `?reason=` 0 … 5 (fact sheet 6.3)."""
        creator = self._find(request)
        if creator is None:
            return not_found("account")
        reason = request.query.get("reason", "1")
        if reason not in "012345" or len(reason) != 1:
            raise BadRequest("reason is 0 to 5")
        for grant in self._grants(creator):
            self._stage.remove_authorization(grant, reason=int(reason), now=self._clock.now())
        return web.Response(status=204)

    def _client(self, key: str | None) -> Client:
        client = self._world.clients.get(key or self._client_key)
        if client is None:
            raise BadRequest("no such client_key")
        return client

    def _find(self, request: web.Request) -> Creator | None:
        """By open_id, union_id or username."""
        who = request.match_info["who"]
        grant = self._world.grants.get(who)
        return self._world.owner(grant) if grant else self._world.creators.get(who) or self._world.creator_named(who)

    def _grants(self, creator: Creator) -> list[Grant]:
        found = (self._world.grant_of(client.key, creator.union_id) for client in self._world.clients)
        return [grant for grant in found if grant is not None]

    def _apply(self, creator: Creator, state: AccountState) -> None:
        """Everything that was told; a cap told as null goes back to the knob's."""
        told = state.model_dump(exclude_unset=True)
        for name in set(told) & set(AccountState.model_fields) - {"spent_posts"}:
            if told[name] is not None or name in ("daily_post_cap", "pending_share_cap"):
                setattr(creator, name, told[name])
        if state.spent_posts is not None:
            creator.direct_posts = [self._clock.now()] * state.spent_posts

    def _seed_videos(self, creator: Creator, count: int) -> None:
        now = self._clock.now()
        for n in range(count):
            post = Post(
                post_id=self._world.ids.number(now),
                union_id=creator.union_id,
                publish_id=None,
                kind=Kind.VIDEO,
                privacy=Privacy.PUBLIC,
                title=f"Video {n + 1} of {creator.username}",
                description="",
                created_ms=int((now.timestamp() - 3600 * (count - n)) * 1000),
                media=[],
                settings={},
                duration_s=12,
                width=1080,
                height=1920,
                public=True,
            )
            post.stats = {"view": 100 + n, "like": 10 + n, "comment": n, "share": n // 2}
            self._world.add_post(post)

    def shown(self, creator: Creator) -> dict[str, Any]:
        grants = self._grants(creator)
        primary = next((grant for grant in grants if grant.client_key == self._client_key), None)
        return {
            "open_id": primary.open_id if primary else (grants[0].open_id if grants else None),
            "union_id": creator.union_id,
            "username": creator.username,
            "display_name": creator.display_name,
            "private": creator.private,
            "banned": creator.banned,
            "verified": creator.verified,
            "comment_disabled": creator.comment_disabled,
            "duet_disabled": creator.duet_disabled,
            "stitch_disabled": creator.stitch_disabled,
            "max_video_s": creator.max_video_s,
            "app_version": creator.app_version,
            "limits": creator.limits,
            "posts_left": cap.posts_left(creator, now=self._clock.now(), knobs=self._dials.now),
            "posts": sum(1 for post in self._world.posts_of(creator.union_id) if not post.removed),
            "grants": [
                {
                    "client_key": grant.client_key,
                    "open_id": grant.open_id,
                    "scopes": list(grant.scopes),
                    "granted_at": grant.granted_at.isoformat(),
                    "removed_reason": grant.removed_reason,
                }
                for grant in grants
            ],
        }


def _scopes(wanted: list[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return SCOPES
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise BadRequest(f"unknown scope {unknown[0]!r}")
    return tuple(dict.fromkeys(wanted))
