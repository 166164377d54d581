"""The posts that a dialect's caller asks for: those of the path, and pages of them."""

from collections.abc import Callable

from aiohttp import web

from libs.model.ids import is_id
from libs.model.post import Post
from libs.model.post_request import ACCOUNTS_MAX
from libs.rest.field import PostId
from libs.rest.shape import Item, PageQuery
from libs.store.lists import Wanted
from services.api.call import Call, reply
from services.api.page import page
from services.api.resource.post_shown import find


class PostsQuery(PageQuery):
    """Posts, newest first."""

    cursor: PostId | None = None


async def of_batch(call: Call, id_: str) -> list[Post]:
    """The posts of one request for several accounts that the key may see, in the order in which they were made."""
    rows = await call.desk.store.lists.posts(
        Wanted(batch_id=id_), customer_id=call.sees, before=None, limit=ACCOUNTS_MAX, reach=call.reach
    )
    return rows[::-1]


async def of_path(call: Call) -> list[Post]:
    """The post of the path, or those of the batch that it names. Raises `Refusal` 404."""
    given = call.request.match_info["id"]
    if not is_id(given, "bat"):
        return [(await find(call)).post]
    if not (rows := await of_batch(call, given)):
        raise call.missing("bat")
    return rows


async def posts_page(
    call: Call, query: PostsQuery, show: Callable[[Post], Item], *, account_id: str | None = None
) -> web.StreamResponse:
    """One page, newest first, one for each account."""
    rows = await call.desk.store.lists.posts(
        Wanted(account_id=account_id),
        customer_id=call.scope(query.customer_id),
        before=query.cursor,
        limit=query.limit + 1,
        reach=call.reach,
    )
    return reply(page(rows, show, limit=query.limit))
