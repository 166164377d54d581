"""Events in Postproxy's names, for endpoints that subscribe in them. An endpoint hears in one set of names."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from libs.model.event_type import EventType

NAMES: Final[Mapping[EventType, str]] = {
    EventType.POST_ACCEPTED: "post.processed",
    EventType.POST_PUBLISHED: "platform_post.published",
    EventType.POST_FAILED: "platform_post.failed",
    EventType.POST_RETRYING: "platform_post.failed_waiting_for_retry",
    EventType.POST_STATS: "platform_post.insights",
    EventType.ACCOUNT_CONNECTED: "profile.connected",
    EventType.ACCOUNT_DISCONNECTED: "profile.disconnected",
    EventType.ACCOUNT_REAUTHORIZATION_REQUIRED: "profile.disconnected",
    EventType.ACCOUNT_STATS: "profile.stats",
    EventType.MEDIA_FAILED: "media.failed",
}
"""Ours → Postproxy's. What it has no name for, such an endpoint cannot ask for."""
POST_NUMBERS: Final[Mapping[str, str]] = {
    "view_count": "impressions",
    "like_count": "likes",
    "comment_count": "comments",
    "share_count": "shares",
}
"""TikTok's names of a post's numbers → Postproxy's. Those of an account are the same."""


def types_of(name: str) -> tuple[EventType, ...]:
    """What is meant by a name of Postproxy's; nothing for one that is none."""
    return tuple(type_ for type_, theirs in NAMES.items() if theirs == name)


def counted(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """A post's numbers in Postproxy's names."""
    return {POST_NUMBERS.get(name, name): value for name, value in numbers.items()}


def spoken(body: str) -> str:
    """The webhook body in Postproxy's names; TikTok's numbers stand beside, under `raw`. The same on every try."""
    whole = orjson.loads(body)
    data = whole["data"] | {"platform": "tiktok"}
    if "account_id" in data:
        data["profile_id"] = data["account_id"]
    if "stats" in data:
        data |= {"stats": counted(data["stats"]), "raw": data["stats"]}
    return orjson.dumps(whole | {"type": NAMES.get(whole["type"], whole["type"]), "data": data}).decode()
