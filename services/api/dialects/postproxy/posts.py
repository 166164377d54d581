"""Posts as Postproxy has them."""

from aiohttp import web

from libs.model.capability import UNSUPPORTED
from libs.model.post import Post
from libs.model.problem import Refusal
from services.api.call import Call, reply
from services.api.dialects.found import PostsQuery, of_path, posts_page
from services.api.dialects.frame import accept
from services.api.dialects.postproxy import profiles, shape
from services.api.dialects.postproxy.compile import PostNew, compiled
from services.api.dialects.postproxy.words import DIALECT
from services.api.resource import capabilities
from services.api.resource.post_shown import find
from services.api.resource.posts import in_order


async def create(call: Call) -> web.StreamResponse:
    """201: a post, for one profile or several. What was chosen for whoever sent it stands under `adjustments`."""
    new = await call.body(PostNew)
    if new.thread:
        raise Refusal(UNSUPPORTED["threads"].refusal())
    made = compiled(new, named=await profiles.named(call, new.profiles, group_id=new.profile_group_id))
    request, taken = await accept(call, made)
    answer = shape.post(in_order(request, taken), tuple(made.adjustments))
    return reply(answer, status=201, location=f"{DIALECT.base}/api/posts/{answer.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Posts, newest first, one for each profile."""
    return await posts_page(call, call.query(PostsQuery), _alone)


async def get(call: Call) -> web.StreamResponse:
    """One post, by the id that creating it gave, or by that for one of its profiles."""
    posts = await of_path(call)
    return reply(_alone(posts[0]) if posts[0].id == call.request.match_info["id"] else shape.post(posts))


async def delete(call: Call) -> web.StreamResponse:
    """What has not been sent is cancelled; what TikTok has, no app can delete."""
    done = await capabilities.delete(call)
    return reply(_alone((await find(call)).post), status=done.status)


def _alone(of: Post) -> shape.PostShown:
    return shape.post([of]).model_copy(update={"id": of.id})
