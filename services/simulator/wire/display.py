"""Display API: user info, video list and query (fact sheet 2)."""

from typing import Any

from services.simulator.wire.answer import Answer, ok
from services.simulator.wire.gate import Endpoint
from services.simulator.wire.link import Links
from services.simulator.wire.request import Caller, Request
from services.simulator.world import growth
from services.simulator.world.error import Code, Refused
from services.simulator.world.record import Creator, Post

BASIC = ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name")
PROFILE = ("bio_description", "profile_deep_link", "profile_web_link", "is_verified", "username")
STATS = ("follower_count", "following_count", "likes_count", "video_count")
USER_SCOPES = {"user.info.basic": BASIC, "user.info.profile": PROFILE, "user.info.stats": STATS}
VIDEO_FIELDS = frozenset({
    "id", "create_time", "cover_image_url", "share_url", "video_description", "duration", "height", "width", "title",
    "embed_html", "embed_link", "like_count", "comment_count", "share_count", "view_count", "is_aigc",
})  # fmt: skip
TEXT_UNITS = 150
MAX_COUNT = 20


class Display:
    """Public videos only, and only the token owner's."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def user_info(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need(*USER_SCOPES)
        caller.spend(request, "user/info", request.knobs.limit_display)
        asked = request.fields()
        allowed = {name for scope in caller.token.scopes for name in USER_SCOPES.get(scope, ())}
        if request.knobs.username_scope == "basic" and "user.info.basic" in caller.token.scopes:
            allowed.add("username")
        known = {name for names in USER_SCOPES.values() for name in names}
        if unknown := [name for name in asked if name not in known]:
            raise Refused(Code.INVALID_PARAMS, f"Unknown field: {unknown[0]}")
        outside = [name for name in asked if name not in allowed]
        if outside and request.knobs.out_of_scope_field == "refuse":
            raise Refused(Code.SCOPE_MISSED)
        user = self._user(request, caller)
        return ok({"user": {name: user[name] for name in asked if name in allowed}}, log_id=request.log_id)

    def _user(self, request: Request, caller: Caller) -> dict[str, Any]:
        creator = caller.creator
        avatar = self._links.avatar(creator.union_id, now=request.now)
        return {
            "open_id": caller.grant.open_id,
            "union_id": creator.union_id,
            "avatar_url": avatar,
            "avatar_url_100": avatar,
            "avatar_large_url": avatar,
            "display_name": creator.display_name,
            "bio_description": creator.bio,
            "profile_deep_link": f"https://vm.tiktok.com/sim/{creator.username}/",
            "profile_web_link": f"https://www.tiktok.com/@{creator.username}",
            "is_verified": creator.verified,
            "username": creator.username,
            **growth.profile(creator, _public(request, creator), now=request.now),
        }

    async def video_list(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need("video.list")
        caller.spend(request, "video/list", request.knobs.limit_display)
        fields, body = _video_fields(request), request.json()
        count = _int(body, "max_count", 10)
        if not 1 <= count <= MAX_COUNT:
            raise Refused(Code.INVALID_PARAMS, f"max_count must be between 1 and {MAX_COUNT}")
        cursor = _int(body, "cursor", 0) if body.get("cursor") is not None else None
        videos = [post for post in _public(request, caller.creator) if cursor is None or post.created_ms < cursor]
        page = videos[:count]
        data = {
            "videos": [self._video(request, caller.creator, post, fields) for post in page],
            "cursor": page[-1].created_ms if page else (cursor or 0),
            "has_more": len(videos) > count,
        }
        return ok(data, log_id=request.log_id)

    async def video_query(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need("video.list")
        caller.spend(request, "video/query", request.knobs.limit_display)
        fields, filters = _video_fields(request), request.json().get("filters")
        ids = filters.get("video_ids") if isinstance(filters, dict) else None
        if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_COUNT:
            raise Refused(Code.INVALID_PARAMS, f"filters.video_ids must hold 1 to {MAX_COUNT} ids")
        for video_id in ids:
            if not isinstance(video_id, str) or not video_id.isascii() or not video_id.isdigit():
                raise Refused(Code.INVALID_PARAMS, f"Video ID {video_id} must be an integer")
        mine = {str(post.post_id): post for post in _public(request, caller.creator)}
        found = [mine[video_id] for video_id in dict.fromkeys(ids) if video_id in mine]
        data = {"videos": [self._video(request, caller.creator, post, fields) for post in found]}
        return ok(data, log_id=request.log_id)

    def _video(self, request: Request, creator: Creator, post: Post, fields: tuple[str, ...]) -> dict[str, Any]:
        url = f"https://www.tiktok.com/@{creator.username}/video/{post.post_id}"
        embed = f"https://www.tiktok.com/player/v1/{post.post_id}"
        numbers = growth.numbers(post, now=request.now)
        video = {
            "id": str(post.post_id),
            "create_time": post.created_ms // 1000,
            "cover_image_url": self._links.cover(post.post_id, now=request.now),
            "share_url": f"{url}?utm_campaign=tt4d_open_api",
            "video_description": _clip(post.description or post.title),
            "duration": post.duration_s,
            "height": post.height,
            "width": post.width,
            "title": _clip(post.title),
            "embed_html": f'<iframe src="{embed}" allowfullscreen></iframe>',
            "embed_link": embed,
            "like_count": numbers["like"],
            "comment_count": numbers["comment"],
            "share_count": numbers["share"],
            "view_count": numbers["view"],
            "is_aigc": bool(post.settings.get("is_aigc")),
        }
        return {name: video[name] for name in fields}

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("user/info", "GET", "/v2/user/info/", self.user_info),
            Endpoint("video/list", "POST", "/v2/video/list/", self.video_list),
            Endpoint("video/query", "POST", "/v2/video/query/", self.video_query),
        ]


def _public(request: Request, creator: Creator) -> list[Post]:
    """Newest first."""
    posts = (post for post in request.world.posts_of(creator.union_id) if post.public and not post.removed)
    return sorted(posts, key=lambda post: -post.created_ms)


def _video_fields(request: Request) -> tuple[str, ...]:
    fields = request.fields()
    if unknown := [name for name in fields if name not in VIDEO_FIELDS]:
        raise Refused(Code.INVALID_PARAMS, f"Unknown field: {unknown[0]}")
    return fields


def _int(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise Refused(Code.INVALID_PARAMS, f"{name} must be an integer")
    return value


def _clip(text: str) -> str:
    """At most 150 UTF-16 units, never half an emoji."""
    raw = text.encode("utf-16-le", "surrogatepass")[: TEXT_UNITS * 2]
    return raw.decode("utf-16-le", "ignore")
