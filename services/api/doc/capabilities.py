"""What can be done with TikTok, and what cannot."""

from typing import Final

from pydantic import BaseModel

from libs.model.capability import CAPABILITIES, Capability
from libs.rest.capabilities import CapabilitiesAnswer, CapabilityAnswer
from libs.rest.code import Code
from libs.rest.posts import PostDetail
from services.api.doc.posts import CANCELLED
from services.api.doc.shape import Doc, Example


class AnyObject(BaseModel):
    """Whatever it holds, the answer is the same."""

    model_config = {"extra": "allow"}


def shown(one: Capability) -> CapabilityAnswer:
    return CapabilityAnswer(
        name=one.name,
        title=one.title,
        supported=one.supported,
        applies=one.applies,
        gated=one.gated,
        reason=one.reason or None,
        instead=one.instead or None,
    )


EVERY: Final = CapabilitiesAnswer(
    platform="tiktok", api="TikTok API v2", auth="OAuth 2.0", data=tuple(shown(one) for one in CAPABILITIES)
)

LISTED: Final = Doc(
    summary="List what TikTok lets an app do",
    answers={200: CapabilitiesAnswer},
    examples=(Example(200, EVERY),),
)
DELETE: Final = Doc(
    summary="Cancel a post, by another name",
    answers={200: PostDetail, 202: PostDetail},
    problems=(Code.NOT_CANCELLABLE, Code.CAPABILITY_NOT_SUPPORTED),
    examples=(Example(200, CANCELLED),),
)


def refused(one: Capability, *, write: bool) -> Doc:
    """What is looked for here and cannot be had."""
    return Doc(
        summary=f"{one.title}: not possible",
        answers={},
        body=AnyObject if write else None,
        body_optional=True,
        problems=(Code.CAPABILITY_NOT_SUPPORTED,),
        examples=(Example(422, Code.CAPABILITY_NOT_SUPPORTED, {} if write else None),),
    )
