"""What becomes of a publication (fact sheet 3.5, 6.3). Each function changes the world and returns the news of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.simulator.world import oauth
from services.simulator.world.record import (
    RUNNING,
    Creator,
    FailReason,
    Grant,
    Mode,
    Post,
    Privacy,
    Publication,
    Status,
)
from services.simulator.world.world import World

COMPLETE = "post.publish.complete"
FAILED = "post.publish.failed"
INBOX_DELIVERED = "post.publish.inbox_delivered"
PUBLIC = "post.publish.publicly_available"
NO_LONGER_PUBLIC = "post.publish.no_longer_publicaly_available"
REMOVED = "authorization.removed"


@dataclass(frozen=True, slots=True)
class News:
    """One webhook event, not yet signed. `content` becomes a JSON string inside the envelope."""

    event: str
    client_key: str
    content: dict[str, Any]
    at: datetime
    open_id: str | None = None

    @property
    def publish_id(self) -> str | None:
        given = self.content.get("publish_id")
        return given if isinstance(given, str) else None


def _news(pub: Publication, event: str, now: datetime, **more: str) -> News:
    content = {"publish_id": pub.publish_id, "publish_type": pub.mode.publish_type, **more}
    return News(event, pub.client_key, content, now, pub.open_id)


def received(pub: Publication, now: datetime) -> None:
    """All bytes are in; checks and processing begin."""
    pub.received_at = now
    pub.history.append((now, "received"))


def advance(world: World, pub: Publication, *, now: datetime) -> tuple[list[News], Post | None]:
    """Moves a publication on when nothing holds it back; also returns the post it became."""
    if pub.status not in RUNNING or pub.received_at is None or not (pub.checked and pub.due) or pub.stuck:
        return [], None
    if pub.verdict is not None:
        return fail(pub, pub.verdict, now=now), None
    if pub.mode is Mode.INBOX:
        pub.status = Status.IN_INBOX
        pub.history.append((now, Status.IN_INBOX))
        return [_news(pub, INBOX_DELIVERED, now)], None
    return publish(world, pub, now=now)


def publish(
    world: World, pub: Publication, *, now: datetime, choice: dict[str, Any] | None = None
) -> tuple[list[News], Post | None]:
    """Puts it on the profile. A draft may be posted several times, each with the creator's own `choice`."""
    creator = world.creators.get(pub.union_id)
    if creator is None:
        return fail(pub, FailReason.INTERNAL, now=now), None
    info = {**pub.post_info, **(choice or {})}
    facts = next((media.facts for media in pub.media if media.facts), None) or {}
    post = Post(
        post_id=world.ids.number(now),
        union_id=creator.union_id,
        publish_id=pub.publish_id,
        kind=pub.kind,
        privacy=str(info.get("privacy_level", Privacy.SELF)),
        title=str(info.get("title", "")),
        description=str(info.get("description", "")),
        created_ms=int(now.timestamp() * 1000),
        media=pub.media,
        settings=_settings(creator, info),
        duration_s=round(float(facts.get("duration_s", 0))),
        width=int(facts.get("width", 0)),
        height=int(facts.get("height", 0)),
    )
    world.add_post(post)
    pub.published += 1
    pub.post_ids.append(post.post_id)
    pub.status = Status.COMPLETE
    pub.history.append((now, Status.COMPLETE))
    return [_news(pub, COMPLETE, now)], post


def _settings(creator: Creator, info: dict[str, Any]) -> dict[str, Any]:
    """What the creator disabled stays disabled, whatever the request said."""
    kept = {name: value for name, value in info.items() if name not in ("title", "description", "privacy_level")}
    for name, disabled in (
        ("disable_comment", creator.comment_disabled),
        ("disable_duet", creator.duet_disabled or creator.private),
        ("disable_stitch", creator.stitch_disabled or creator.private),
    ):
        if name in kept:
            kept[name] = bool(kept[name]) or disabled
    return kept


def fail(pub: Publication, reason: FailReason, *, now: datetime) -> list[News]:
    """Ends a publication; what has ended stays as it is."""
    if pub.finished:
        return []
    pub.status, pub.fail_reason = Status.FAILED, reason
    pub.history.append((now, f"{Status.FAILED}: {reason}"))
    return [_news(pub, FAILED, now, reason=reason.value)]


def may_become_public(world: World, post: Post) -> bool:
    """Only public posts of public accounts through audited apps ever get an id that others see."""
    creator = world.creators.get(post.union_id)
    pub = world.publications.get(post.publish_id) if post.publish_id else None
    client = world.clients.get(pub.client_key) if pub else None
    return (
        post.privacy == Privacy.PUBLIC
        and creator is not None
        and not creator.private
        and client is not None
        and client.audited
        and client.sandbox_users is None
        and not post.removed
    )


def make_public(world: World, post: Post, *, now: datetime) -> list[News]:
    """Moderation passed: the id appears in status and on the profile."""
    pub = world.publications.get(post.publish_id) if post.publish_id else None
    if pub is None or post.public or post.removed:
        return []
    post.public = True
    pub.public_ids.append(post.post_id)
    pub.history.append((now, f"public as {post.post_id}"))
    return [_news(pub, PUBLIC, now, post_id=str(post.post_id))]


def take_down(world: World, post: Post, *, now: datetime) -> list[News]:
    """The creator deletes or hides a post. News only of what had been public."""
    was_public, post.public, post.removed = post.public, False, True
    pub = world.publications.get(post.publish_id) if post.publish_id else None
    if pub is None or not was_public:
        return []
    pub.public_ids.remove(post.post_id)
    pub.history.append((now, f"no longer public as {post.post_id}"))
    return [_news(pub, NO_LONGER_PUBLIC, now, post_id=str(post.post_id))]


def remove_authorization(world: World, grant: Grant, *, reason: int, now: datetime) -> list[News]:
    """The grant ends; what was still running through it fails with `auth_removed` (fact sheet 8, trap 24)."""
    if not grant.live:
        return []
    oauth.remove_grant(world, grant, reason=reason, now=now)
    news = [News(REMOVED, grant.client_key, {"reason": reason}, now, grant.open_id)]
    for pub in list(world.publications_of(grant.union_id)):
        if pub.open_id == grant.open_id and pub.status in RUNNING:
            news += fail(pub, FailReason.AUTH_REMOVED, now=now)
    return news
