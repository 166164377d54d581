"""Posts, publications and facts in any state, and the rules that every saved change must keep."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.model.apply import Failure
from libs.model.change import Change
from libs.model.fact import Fact, FactKind, FactSource
from libs.model.post import Post, PostState
from libs.model.publication import Publication, PublicationState

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASE = NOW + timedelta(minutes=5)
SIZE = 20_000_000

ALARMED = frozenset(
    {PostState.SCHEDULED, PostState.QUEUED, PostState.INITIALIZING, PostState.UPLOADING, PostState.PROCESSING}
)
RESTING = frozenset({PostState.DRAFT, PostState.IN_INBOX, PostState.FAILED, PostState.CANCELLED})
SENT = frozenset(PostState) - {
    PostState.DRAFT, PostState.SCHEDULED, PostState.QUEUED, PostState.FAILED, PostState.CANCELLED
}  # fmt: skip

BROKEN = Failure("internal", "TikTok had trouble.", "Wait.", retry=True)
REFUSED = Failure("frame_rate_check_failed", "The frame rate is wrong.", "Encode it anew.")


def a_post(
    state: PostState = PostState.QUEUED, *, inbox: bool = False, privacy: str = "SELF_ONLY", **more: Any
) -> Post:
    """A post in this state with everything its state demands."""
    alarm = None if state in RESTING or state is PostState.PUBLISHED else NOW
    defaults: dict[str, Any] = {
        "id": "post_00000000000000000000000001",
        "customer_id": "cus_1",
        "account_id": "acc_1",
        "batch_id": None,
        "idempotency_key": "k",
        "request": {"kind": "video", "mode": "inbox" if inbox else "direct", "privacy_level": privacy},
        "state": state,
        "version": 7,
        "alarm": alarm,
        "in_lane": False,
        "created_at": NOW,
        "updated_at": NOW,
        "publication": 1 if state in SENT else 0,
        "media_id": "med_1",
        "finished_at": NOW if state in (PostState.FAILED, PostState.CANCELLED) else None,
        "problem": {"code": "x"} if state is PostState.FAILED else None,
    }
    return Post(**(defaults | more))


def a_publication(state: PublicationState = PublicationState.OPEN, *, n: int = 1, **more: Any) -> Publication:
    """A publication in this state, opened at NOW."""
    known = state is not PublicationState.INTENDED
    defaults: dict[str, Any] = {
        "post_id": "post_00000000000000000000000001",
        "n": n,
        "state": state,
        "intent_at": NOW,
        "publish_id": f"v_pub_file~v2-1.{n}" if known else None,
        "upload_url": f"https://upload.example/{n}" if known else None,
        "url_expires_at": NOW + timedelta(hours=1) if known else None,
        "size": SIZE,
        "chunk_size": SIZE // 2,
        "chunk_count": 2,
        "sent_bytes": SIZE if state is PublicationState.COMMITTED else 0,
        "committing_at": NOW if state in (PublicationState.COMMITTING, PublicationState.COMMITTED) else None,
    }
    return Publication(**(defaults | more))


def a_fact(kind: FactKind, *, at: int | None = None, post_id: str = "", reason: str = "", n: int = 1) -> Fact:
    """A webhook's fact when `at` (TikTok's create_time) is given, a poll's otherwise."""
    source = FactSource.POLL if at is None else FactSource.WEBHOOK
    key = f"{source}|{kind}|{n}|{post_id}|{reason}|{at}"
    publish_id = f"v_pub_file~v2-1.{n}"
    return Fact(key, kind, source, NOW, publish_id=publish_id, create_time=at, post_id=post_id, reason=reason)


def broken_rules(post: Post) -> list[str]:
    """What of the CHECKs of the table `posts` this value breaks (libs/store/migrations)."""
    rules = {
        "working_posts_have_an_alarm": post.state not in ALARMED or post.alarm is not None,
        "resting_posts_have_none": post.state not in RESTING or post.alarm is None,
        "finished_exactly_when_final": (post.state in ("failed", "cancelled")) == (post.finished_at is not None),
        "failed_says_why": post.state is not PostState.FAILED or post.problem is not None,
        "only_waiting_posts_are_in_a_lane": not post.in_lane or post.state in (PostState.QUEUED, PostState.SCHEDULED),
        "only_queued_posts_have_a_slot": post.slot_at is None or post.state is PostState.QUEUED,
        "only_unconfirmed_posts_are_held": post.held_at is None or post.state is PostState.UNCONFIRMED,
        "sent_posts_have_a_publication": post.state not in SENT or post.publication > 0,
    }
    return [name for name, kept in rules.items() if not kept]


def broken_publication_rules(publications: Sequence[Publication]) -> list[str]:
    """The same for all publications of one post."""
    broken = []
    for one in publications:
        if one.state not in ("intended", "abandoned") and one.publish_id is None:
            broken.append(f"known_to_tiktok_once_open: {one}")
        if one.state in ("committing", "committed") and one.committing_at is None:
            broken.append(f"committing_has_a_time: {one}")
        if not 0 <= one.sent_bytes <= one.size:
            broken.append(f"sent_bytes: {one}")
    if sum(one.live for one in publications) > 1:
        broken.append(f"one_live_publication: {publications}")
    return broken


def saved(change: Change, publications: Sequence[Publication] = ()) -> tuple[Post, tuple[Publication, ...]]:
    """What the database holds after this change, when `publications` were there; fails where it would refuse."""
    rows = {one.n: one for one in publications}
    rows |= {one.n: one for one in change.publications}
    after = replace(change.post, version=change.post.version + 1)
    assert broken_rules(after) == []
    assert broken_publication_rules(list(rows.values())) == []
    assert len({told.key for told in change.events}) == len(change.events)
    return after, tuple(rows.values())
