"""Posts: accepted once, shown, cancelled where that is still true."""

from typing import Any, Final

from libs.model.post import PostState
from libs.model.post_request import PostRequest
from libs.rest.code import Code
from libs.rest.posts import BatchAnswer, PostAnswer, PostDetail, PostNew, PostWaiting, TimelineEntry
from libs.rest.shape import Page
from services.api.doc.sample import ACCOUNT, AHEAD, BATCH, CUSTOMER, MEDIA, PHOTOS, POST, SOON, WHEN
from services.api.doc.shape import Doc, Example

VIDEO: Final[dict[str, Any]] = {
    "account_id": ACCOUNT,
    "kind": "video",
    "media": [MEDIA],
    "title": "Our new boots #acme",
    "privacy_level": "SELF_ONLY",
    "publish_at": SOON,
    "idempotency_key": "order-4711",
    "metadata": {"order": "4711"},
}
_PHOTOS: Final[dict[str, Any]] = {
    "account_ids": [ACCOUNT],
    "kind": "photo",
    "media": ["https://hooks.acme.example/boots-1.jpg", "https://hooks.acme.example/boots-2.jpg"],
    "title": "Boots",
    "description": "From every side.",
    "privacy_level": "SELF_ONLY",
    "auto_add_music": True,
    "publish_at": SOON,
    "idempotency_key": "order-4712",
}


def request_of(body: dict[str, Any]) -> dict[str, Any]:
    """As it is kept: with every default, of one account, without its key."""
    kept = PostRequest.model_validate(body).model_dump(mode="json", exclude={"account_ids", "idempotency_key"})
    return kept | {"account_id": ACCOUNT}


PLANNED: Final = PostAnswer(
    id=POST,
    customer_id=CUSTOMER,
    account_id=ACCOUNT,
    batch_id=None,
    idempotency_key="order-4711",
    state=PostState.SCHEDULED,
    kind="video",
    mode="direct",
    publish_at=AHEAD,
    publish_before=None,
    media_id=None,
    failures=0,
    retries=0,
    life=1,
    next_slot_at=None,
    held_at=None,
    cancel_requested_at=None,
    tiktok_post_ids=(),
    problem=None,
    request=request_of(VIDEO),
    created_at=WHEN,
    updated_at=WHEN,
    finished_at=None,
)
DETAIL: Final = PostDetail(
    **dict(PLANNED),
    waiting=PostWaiting(reason="publish_at", detail="Its time has not come.", until=AHEAD),
    publications=(),
)
CANCELLED: Final = DETAIL.model_copy(update={"state": PostState.CANCELLED, "finished_at": WHEN, "waiting": None})
_BATCH: Final = BatchAnswer(
    batch_id=BATCH,
    posts=(
        PLANNED.model_copy(
            update={
                "id": PHOTOS,
                "batch_id": BATCH,
                "idempotency_key": "order-4712",
                "kind": "photo",
                "request": request_of(_PHOTOS),
            }
        ),
    ),
)
_TIMELINE: Final = Page[TimelineEntry](
    data=(TimelineEntry(at=WHEN, kind="accepted", detail={"state": "scheduled"}),), next_cursor=None
)

CREATE: Final = Doc(
    summary="Post",
    body=PostNew,
    answers={201: PostAnswer | BatchAnswer, 200: PostAnswer | BatchAnswer},
    problems=(Code.IDEMPOTENCY_CONFLICT, Code.DUPLICATE_CONTENT),
    examples=(
        Example(201, PLANNED, VIDEO, "A video at a given time"),
        Example(200, PLANNED, VIDEO, "The same again: the key finds the post"),
        Example(201, _BATCH, _PHOTOS, "Photos, for several accounts"),
        Example(422, Code.IDEMPOTENCY_CONFLICT, VIDEO | {"title": "Other boots"}, "Another post under the same key"),
    ),
)
LISTED: Final = Doc(
    summary="List posts",
    answers={200: Page[PostAnswer]},
    examples=(Example(200, Page[PostAnswer](data=(PLANNED,)), query={"state": "scheduled", "account_id": ACCOUNT}),),
)
GET: Final = Doc(summary="Show a post", answers={200: PostDetail}, examples=(Example(200, DETAIL),))
TIMELINE: Final = Doc(
    summary="Show what happened to a post",
    answers={200: Page[TimelineEntry]},
    examples=(Example(200, _TIMELINE, query={"limit": "100"}),),
)
CANCEL: Final = Doc(
    summary="Cancel a post",
    answers={200: PostDetail, 202: PostDetail},
    problems=(Code.NOT_CANCELLABLE,),
    examples=(Example(200, CANCELLED),),
)
