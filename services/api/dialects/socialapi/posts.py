"""Posts as SocialAPI.ai has them."""

from typing import Final

from aiohttp import web

from libs.model.post import PostState
from services.api.call import Call, reply
from services.api.dialects.found import of_path, posts_page
from services.api.dialects.frame import accept
from services.api.dialects.privacy import settle_privacy
from services.api.dialects.socialapi import shape
from services.api.dialects.socialapi.compile import PostNew, compiled
from services.api.dialects.socialapi.words import CONNECTOR, DIALECT
from services.api.doc.sample import ACCOUNT, MEDIA, POST, WHEN
from services.api.doc.shape import Example
from services.api.resource import capabilities
from services.api.resource.post_shown import find
from services.api.resource.posts import in_order


async def create(call: Call) -> web.StreamResponse:
    """201: a post, or several. What was chosen for whoever sent it stands under `adjustments`."""
    new = await call.body(PostNew)
    made = compiled(new, strict=await _strict(call, new))
    await settle_privacy(call, made, made.words.get("privacy_level", f"{CONNECTOR}.privacy_level"))
    request, taken = await accept(call, made)
    answer = shape.made(in_order(request, taken), made.adjustments)
    return reply(answer, status=201, location=f"{DIALECT.base}/v1/posts/{answer.id}")


async def _strict(call: Call, new: PostNew) -> bool:
    """Whether whoever's account it is has to disclose in any shape."""
    store, owners = call.desk.store, {call.sees}
    if call.sees is None:
        owners = {one.customer_id for one in (await store.accounts.get_many(new.named, customer_id=None)).values()}
    found = [await store.customers.get(owner) for owner in owners if owner is not None]
    return any(one is not None and one.strict_disclosure for one in found)


async def listed(call: Call) -> web.StreamResponse:
    """Posts, newest first."""
    query = call.query(shape.ListQuery)
    return await posts_page(call, query, shape.post, account_id=query.account_id)


async def get(call: Call) -> web.StreamResponse:
    """One post; by the id that creating several gave, all of them."""
    posts = await of_path(call)
    return reply(shape.post(posts[0]) if posts[0].id == call.request.match_info["id"] else shape.made(posts, []))


async def delete(call: Call) -> web.StreamResponse:
    """What has not been sent is cancelled; what TikTok has, no app can delete."""
    done = await capabilities.delete(call)
    return reply(shape.post((await find(call)).post), status=done.status)


CREATE: Final = (
    Example(
        201,
        shape.PostMade(
            id=POST,
            status=PostState.QUEUED,
            posts=(
                shape.PostShown(
                    id=POST,
                    account_id=ACCOUNT,
                    status=PostState.QUEUED,
                    text="Check out this video!",
                    media_ids=(MEDIA,),
                    platform_data={"tiktok": {"media_type": "video", "privacy_level": "SELF_ONLY"}},
                    post_ids=(),
                    error=None,
                    publish_at=None,
                    created_at=WHEN,
                ),
            ),
            adjustments=(),
        ),
        {
            "account_ids": [ACCOUNT],
            "text": "Check out this video!",
            "media_ids": [MEDIA],
            "platform_data": {"tiktok": {"media_type": "video", "privacy_level": "PRIVATE"}},
        },
    ),
)
