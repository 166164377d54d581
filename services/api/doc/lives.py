"""What may be asked of a post after it was accepted."""

from typing import Final

from libs.model.post import PostState
from libs.model.publication import PublicationState
from libs.rest.code import Code
from libs.rest.posts import PostChange, PostDetail, PublicationAnswer, Reschedule, Resolve
from services.api.doc.posts import DETAIL, VIDEO, request_of
from services.api.doc.sample import AHEAD, SOON, WHEN
from services.api.doc.shape import Doc, Example

_QUEUED: Final = DETAIL.model_copy(update={"state": PostState.QUEUED, "publish_at": None, "waiting": None})
_AT_ONCE: Final = request_of(VIDEO | {"publish_at": None})
_REVIVED: Final = _QUEUED.model_copy(update={"life": 2, "request": _AT_ONCE})
_SENT: Final = _QUEUED.model_copy(update={"request": _AT_ONCE})
_DRAFT: Final = DETAIL.model_copy(
    update={
        "state": PostState.DRAFT,
        "waiting": None,
        "request": request_of(VIDEO | {"draft": True, "title": "Our newest boots"}),
    }
)
_PUBLISHED: Final = _SENT.model_copy(
    update={
        "state": PostState.PUBLISHED,
        "waiting": None,
        "tiktok_post_ids": ("7438211111111111111",),
        "publications": (
            PublicationAnswer(
                n=1,
                state=PublicationState.COMMITTED,
                publish_id="v_pub_file~v2-1.7438210000000000001",
                size=10_485_760,
                chunk_size=10_485_760,
                chunk_count=1,
                sent_bytes=10_485_760,
                last_status="PUBLISH_COMPLETE",
                intent_at=WHEN,
                committing_at=WHEN,
            ),
        ),
    }
)

MOVE: Final = Doc(
    summary="Give a post another time",
    body=Reschedule,
    answers={200: PostDetail},
    problems=(Code.NOT_RESCHEDULABLE, Code.PUBLISH_BEFORE_PASSED),
    examples=(
        Example(200, DETAIL.model_copy(update={"publish_at": AHEAD}), {"publish_at": SOON}, "At another time"),
        Example(200, _QUEUED, {"publish_at": None}, "Now"),
    ),
)
RETRY: Final = Doc(
    summary="Try a failed post again",
    answers={200: PostDetail},
    problems=(Code.NOT_RETRYABLE, Code.MAY_BE_PUBLISHED, Code.PUBLISH_BEFORE_PASSED),
    examples=(Example(200, _REVIVED),),
)
RESOLVE: Final = Doc(
    summary="Say what became of an unconfirmed post",
    body=Resolve,
    answers={200: PostDetail},
    problems=(Code.NOT_UNCONFIRMED,),
    examples=(
        Example(
            200,
            _PUBLISHED,
            {"outcome": "published", "post_id": "7438211111111111111"},
        ),
    ),
)
EDIT: Final = Doc(
    summary="Edit a draft",
    body=PostChange,
    answers={200: PostDetail},
    problems=(Code.NOT_A_DRAFT, Code.PUBLISH_BEFORE_PASSED),
    examples=(Example(200, _DRAFT, {"title": "Our newest boots", "cover": None}),),
)
SEND: Final = Doc(
    summary="Send a draft",
    answers={200: PostDetail},
    problems=(Code.NOT_A_DRAFT, Code.PUBLISH_BEFORE_PASSED),
    examples=(Example(200, _SENT),),
)
