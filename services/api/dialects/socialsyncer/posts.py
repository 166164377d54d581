"""Posts and accounts as SocialSyncerAPI has them."""

from typing import Final

from aiohttp import web

from libs.model.post import Post
from services.api.call import Call, reply
from services.api.dialects.found import of_path, posts_page
from services.api.dialects.frame import accept, before
from services.api.dialects.socialsyncer import shape
from services.api.dialects.socialsyncer.compile import PostNew, compiled
from services.api.dialects.socialsyncer.words import DIALECT
from services.api.doc.sample import ACCOUNT, MEDIA, POST, WHEN
from services.api.doc.shape import Example
from services.api.page import page
from services.api.resource import capabilities, lives
from services.api.resource.post_shown import find
from services.api.resource.posts import in_order


async def create(call: Call) -> web.StreamResponse:
    """201: a post, for one account or several. What was changed stands under `adjustments`."""
    new = await call.body(PostNew)
    made = compiled(new, by=f"key {call.key.id}", at=call.now)
    earlier = None if made.errors else await before(call, [one.accountId for one in new.platforms])
    if earlier is not None and earlier.request.get("consent"):
        made.request["consent"] = earlier.request["consent"]  # given then, not once more with every repetition
    request, taken = await accept(call, made)
    answer = shape.made(in_order(request, taken), made.adjustments)
    return reply(answer, status=201, location=f"{DIALECT.base}/v1/posts/{answer.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Posts, newest first, one for each account."""
    query = call.query(shape.ListQuery)
    return await posts_page(call, query, _alone, account_id=query.accountId)


async def get(call: Call) -> web.StreamResponse:
    """One post, by the id that creating it gave, or by that of one of its accounts."""
    posts = await of_path(call)
    return reply(_alone(posts[0]) if posts[0].id == call.request.match_info["id"] else shape.post(posts))


async def delete(call: Call) -> web.StreamResponse:
    """What has not been sent is cancelled; what TikTok has, no app can delete."""
    done = await capabilities.delete(call)
    return reply(_alone((await find(call)).post), status=done.status)


async def retry(call: Call) -> web.StreamResponse:
    """200: another try. 409: it has not failed, or it cannot be proven that nothing of it was posted."""
    done = await lives.retry(call)
    return reply(_alone((await find(call)).post), status=done.status)


async def accounts(call: Call) -> web.StreamResponse:
    """Accounts, newest first."""
    query = call.query(shape.AccountsQuery)
    rows = await call.desk.store.accounts.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1, reach=call.reach
    )
    return reply(page(rows, shape.account, limit=query.limit))


def _alone(of: Post) -> shape.PostShown:
    return shape.post([of]).model_copy(update={"id": of.id})


CREATE: Final = (
    Example(
        201,
        shape.PostMade(
            id=POST,
            status="publishing",
            content="Check out this amazing sunset! #sunset",
            mediaItems=(shape.MediaShown(type="video", url=MEDIA),),
            platforms=(
                shape.PlatformShown(
                    accountId=ACCOUNT, postId=POST, status="publishing", platformPostIds=(), error=None
                ),
            ),
            tiktokSettings={"privacy_level": "SELF_ONLY", "allow_comment": True},
            scheduledFor=None,
            createdAt=WHEN,
            adjustments=(),
        ),
        {
            "content": "Check out this amazing sunset! #sunset",
            "mediaItems": [{"type": "video", "url": MEDIA}],
            "platforms": [{"platform": "tiktok", "accountId": ACCOUNT}],
            "tiktokSettings": {
                "privacy_level": "SELF_ONLY",
                "allow_comment": True,
                "allow_duet": False,
                "allow_stitch": False,
                "content_preview_confirmed": True,
                "express_consent_given": True,
            },
            "publishNow": True,
        },
    ),
)
