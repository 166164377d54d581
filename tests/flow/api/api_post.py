"""Posts of the api's house in any state, brought there as the publisher would."""

from datetime import datetime, timedelta
from typing import Any

from api_house import House

from libs.model import apply, upload
from libs.model.change import Change, cancel, fail
from libs.model.drive import expired
from libs.model.fact import FactKind, polled
from libs.model.look import looked
from libs.model.post import PostState
from libs.store.posts import Context


def step(context: Context, goal: PostState, *, now: datetime) -> Change:
    """One change on the way of a post to `goal`."""
    post, publication = context.post, context.publication
    lease = now + timedelta(minutes=5)
    match goal, post.state:
        case PostState.FAILED, _:
            return fail(post, expired(now), stage="schedule", now=now)
        case PostState.CANCELLED, _:
            return cancel(post, now=now)
        case _, PostState.QUEUED:
            return upload.intend(post, lease=lease, size=10, chunk_size=10, chunk_count=1, now=now)
    assert publication is not None
    match post.state:
        case PostState.INITIALIZING:
            return upload.opened(post, publication, publish_id=f"p~{post.id}", upload_url="https://u.example/",
                                expires=lease, lease=lease, now=now)  # fmt: skip
        case PostState.UPLOADING:
            return upload.committed(post, publication, now=now)
    if goal is PostState.UNCONFIRMED:
        later = now + timedelta(hours=25)
        change = looked(
            post, publication, shown="processing", status="PROCESSING_UPLOAD", uploaded=10, dead=False, now=later
        )
        assert isinstance(change, Change)
        return change
    kind = FactKind.IN_INBOX if goal is PostState.IN_INBOX else FactKind.COMPLETED
    fact = polled(kind, publish_id=publication.publish_id or "", now=now)
    return apply.apply(fact, post=post, publication=publication, known=(), failure=None, now=now)


async def post_in(house: House, state: PostState, **wish: Any) -> str:
    """A post that was brought to this state as the publisher would."""
    customer = await house.customer()
    body: dict[str, Any] = {"account_id": await house.account(customer), "kind": "video",
                            "media": [await house.video(customer)], "privacy_level": "SELF_ONLY", **wish}  # fmt: skip
    match state:
        case PostState.DRAFT:
            body["draft"] = True
        case PostState.SCHEDULED:
            body["publish_at"] = (house.now() + timedelta(days=1)).isoformat()
        case PostState.IN_INBOX:
            body["mode"] = "inbox"
    id_ = str((await house.make("/v1/posts", body))["id"])
    for _ in range(6):
        context = await house.store.posts.get(id_, customer_id=None)
        assert context is not None
        if context.post.state is state:
            return id_
        stale = await house.store.posts.save([step(context, state, now=house.now())], now=house.now())
        assert not stale
    raise AssertionError(f"never came to {state}")
