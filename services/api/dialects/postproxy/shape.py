"""What Postproxy's answers look like. Lists of theirs stand under `data`; ours tell the next page beside it."""

from collections.abc import Sequence
from typing import Any, Literal

from libs.model.account import Account, AccountState
from libs.model.naming import NAMES, counted
from libs.model.post import Post, PostState
from libs.model.source import cut
from libs.rest.endpoints import EndpointAnswer
from libs.rest.field import AccountId, EndpointId, GroupId, Moment
from libs.rest.shape import Answer, Item, PageQuery
from libs.rest.stats import AccountSnapshot, PostSnapshot, PostStats
from libs.store.apps import Group
from libs.tiktok.display import User
from services.api.dialects.frame import Adjustment
from services.api.dialects.mapping import to_theirs
from services.api.dialects.postproxy.words import NAME, PLATFORM_STATUS, PROFILE_STATUS


class ProfilesQuery(PageQuery):
    """Profiles, of one group if it is named."""

    cursor: AccountId | None = None
    profile_group_id: GroupId | None = None


class GroupsQuery(PageQuery):
    """Profile groups, newest first."""

    cursor: GroupId | None = None


class WebhooksQuery(PageQuery):
    """Webhooks, newest first."""

    cursor: EndpointId | None = None


class ProfileShown(Item):
    """`expires_at` is when its creator must agree again; null while that is renewed by itself."""

    name: str
    platform: Literal["tiktok"] = "tiktok"
    status: str
    profile_group_id: str | None
    expires_at: Moment | None
    post_count: int
    avatar_url: str | None


class GroupShown(Item):
    name: str
    profiles_count: int


class PlatformShown(Answer):
    """`post_id` is the post for this profile alone; `public_ids` are TikTok's, once it is public."""

    platform: Literal["tiktok"] = "tiktok"
    profile_id: str
    post_id: str
    status: str
    params: dict[str, Any]
    public_ids: tuple[str, ...]
    error: dict[str, Any] | None


class PostShown(Item):
    """`id` is the post's, or that of all when there are several profiles."""

    body: str
    status: str
    scheduled_at: Moment | None
    created_at: Moment
    media: tuple[str, ...]
    platforms: tuple[PlatformShown, ...]
    adjustments: tuple[Adjustment, ...] = ()
    """Of a new post: what was chosen for whoever sent it."""


class Record(Answer):
    """One snapshot; `raw` has TikTok's own names."""

    stats: dict[str, int | None]
    raw: dict[str, int | None]
    recorded_at: Moment


class WebhookShown(Item):
    """`secret` verifies what is sent (Standard Webhooks); it is shown once, when the webhook is made."""

    url: str
    events: tuple[str, ...]
    enabled: bool
    secret: str | None = None
    created_at: Moment | None


def profile(of: Account, *, posts: int, user: User | None) -> ProfileShown:
    well = of.state is AccountState.CONNECTED and not of.refreshes_failed
    username = (user.username if user else None) or of.username
    shown = (user.display_name if user else None) or of.display_name
    return ProfileShown(
        id=of.id,
        name=f"@{username}" if username else shown or of.open_id,
        status=PROFILE_STATUS[of.state],
        profile_group_id=of.group_id,
        expires_at=None if well else of.refresh_expires_at,
        post_count=posts,
        avatar_url=user.avatar_url if user else None,
    )


def group(of: Group) -> GroupShown:
    return GroupShown(id=of.id, name=of.name, profiles_count=1 if of.account_id else 0)


def post(of: list[Post], adjustments: tuple[Adjustment, ...] = ()) -> PostShown:
    first = of[0]
    return PostShown(
        id=first.batch_id or first.id,
        body=first.request["description" if first.photo else "title"],
        status=_status([one.state for one in of]),
        scheduled_at=first.publish_at,
        created_at=first.created_at,
        media=tuple(cut(source) for source in first.request["media"]),
        platforms=tuple(_platform(one) for one in of),
        adjustments=adjustments,
    )


def _status(states: list[PostState]) -> str:
    """Of all together: Postproxy's `processed` is that nothing is under way any more."""
    for state, word in ((PostState.DRAFT, "draft"), (PostState.SCHEDULED, "scheduled")):
        if state in states:
            return word
    return "processing" if "processing" in {PLATFORM_STATUS[state] for state in states} else "processed"


def _platform(of: Post) -> PlatformShown:
    return PlatformShown(
        profile_id=of.account_id,
        post_id=of.id,
        status=PLATFORM_STATUS[of.state],
        params=to_theirs(NAME, of.request),
        public_ids=of.public_post_ids,
        error=of.problem,
    )


def records(found: Sequence[AccountSnapshot | PostSnapshot]) -> list[dict[str, Any]]:
    """Oldest first, as a timeseries is drawn."""
    made = []
    for one in reversed(found):
        raw = one.model_dump(exclude={"taken_at", "tiktok_post_id"})
        made.append(Record(stats=counted(raw), raw=raw, recorded_at=one.taken_at).model_dump(mode="json"))
    return made


def post_stats(of: PostStats) -> dict[str, Any]:
    """Of one profile's post; `status` says why there are no records, such as `no_public_id`."""
    return {"profile_id": of.account_id, "platform": "tiktok", "post_id": of.post_id, "status": of.status,
            "public_ids": list(of.tiktok_post_ids), "records": records(of.data)}  # fmt: skip


def webhook(of: EndpointAnswer, *, secret: str | None = None) -> WebhookShown:
    """Endpoints that hear in our names are shown with those."""
    named = [NAMES[type_] for type_ in NAMES if type_ in of.events] if of.naming == "postproxy" else of.events
    events = tuple(dict.fromkeys(named))
    return WebhookShown(
        id=of.id, url=of.url, events=events, enabled=of.state == "enabled", secret=secret, created_at=of.created_at
    )
