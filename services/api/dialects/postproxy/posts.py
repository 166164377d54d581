"""Posts as Postproxy has them."""

from typing import Final

from aiohttp import web

from libs.model.capability import UNSUPPORTED
from libs.model.ids import is_id
from libs.model.post import Post
from libs.model.problem import Refusal
from libs.store.lists import Wanted
from services.api.call import Call, reply
from services.api.dialects.frame import accept
from services.api.dialects.postproxy import profiles, shape
from services.api.dialects.postproxy.compile import PostNew, compiled
from services.api.dialects.postproxy.words import DIALECT
from services.api.page import page
from services.api.resource import capabilities
from services.api.resource.posts import find, in_order

BATCH_MAX: Final = 100


async def create(call: Call) -> web.StreamResponse:
    """201: a post, for one profile or several. What was chosen for whoever sent it stands under `adjustments`."""
    new = await call.body(PostNew)
    if new.thread:
        raise Refusal(UNSUPPORTED["threads"].refusal())
    made = compiled(new, accounts=await profiles.named(call, new.profiles, group_id=new.profile_group_id))
    request, taken = await accept(call, made)
    answer = shape.post(in_order(request, taken), tuple(made.adjustments))
    return reply(answer, status=201, location=f"{DIALECT.base}/api/posts/{answer.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Posts, newest first, one for each profile."""
    query = call.query(shape.PostsQuery)
    rows = await call.desk.store.lists.posts(
        Wanted(),
        customer_id=call.scope(query.customer_id),
        before=query.cursor,
        limit=query.limit + 1,
        reach=call.reach,
    )
    return reply(page(rows, _alone, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One post, by the id that creating it gave, or by that for one of its profiles."""
    given = call.request.match_info["id"]
    if not is_id(given, "bat"):
        return reply(_alone((await find(call)).post))
    rows = await of_batch(call, given)
    if not rows:
        raise call.missing("bat")
    return reply(shape.post(rows[::-1]))


async def of_batch(call: Call, id_: str) -> list[Post]:
    """The posts of a request for several profiles that the key may see, the newest first."""
    return await call.desk.store.lists.posts(
        Wanted(batch_id=id_), customer_id=call.sees, before=None, limit=BATCH_MAX, reach=call.reach
    )


async def delete(call: Call) -> web.StreamResponse:
    """What has not been sent is cancelled; what TikTok has, no app can delete."""
    done = await capabilities.delete(call)
    return reply(_alone((await find(call)).post), status=done.status)


def _alone(of: Post) -> shape.PostShown:
    return shape.post([of]).model_copy(update={"id": of.id})
