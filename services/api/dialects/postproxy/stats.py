"""Numbers over time as Postproxy has them."""

from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import Field, StringConstraints

from libs.model.ids import is_id
from libs.model.problem import FieldError, Refusal, invalid
from libs.rest.field import Digits, Future
from libs.rest.shape import Ask
from libs.rest.stats import POSTS_MAX, PostsStatsQuery
from services.api.call import Call
from services.api.dialects.found import of_batch
from services.api.dialects.postproxy import shape
from services.api.resource.account_found import found
from services.api.resource.stats import account_stats, counted_posts

RECORDS_MAX: Final = 500
Listed = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class ProfileStatsQuery(Ask):
    """The newest `limit` snapshots from `since` on and before `until`."""

    since: Future | None = None
    until: Future | None = None
    limit: Annotated[int, Field(ge=1, le=RECORDS_MAX), Digits] = 100


class PostStatsQuery(Ask):
    """Comma lists: ids of posts, and of profiles, of which `tiktok` is every one."""

    post_ids: Listed
    profiles: Listed | None = None
    since: Future | None = None
    until: Future | None = None
    limit: Annotated[int, Field(ge=1, le=100), Digits] = 30


async def of_profile(call: Call) -> web.StreamResponse:
    """A profile's numbers over time, oldest first."""
    query, account = call.query(ProfileStatsQuery), await found(call)
    taken = await call.desk.store.stats.series(
        account.id, before=None, since=query.since, until=query.until, limit=query.limit
    )
    said = account_stats(account, taken, limit=query.limit)
    shown = {"profile_id": account.id, "platform": "tiktok", "status": said.status}
    return _json({"data": shown | {"records": shape.records(said.data)}})


async def of_posts(call: Call) -> web.StreamResponse:
    """The numbers of posts over time, by post and profile. A post that is not public yet says so."""
    query = call.query(PostStatsQuery)
    asked = list(dict.fromkeys(query.post_ids.split(",")))
    if len(asked) > POSTS_MAX:
        raise _too_many(len(asked))
    members: dict[str, list[str]] = {}
    ids: dict[str, None] = {}
    for id_ in asked:
        if is_id(id_, "bat"):
            members[id_] = [post.id for post in await of_batch(call, id_)]
        elif is_id(id_, "post"):
            members[id_] = [id_]
        ids |= dict.fromkeys(members.get(id_, ()))
        if len(ids) > POSTS_MAX:
            raise _too_many(len(ids))
    counted = await _counted(call, list(ids), query) if ids else {}
    wanted = set(query.profiles.split(",")) if query.profiles is not None else {"tiktok"}
    data = {
        id_: {"platforms": [counted[one] for one in found if one in counted and _meant(counted[one], wanted)]}
        for id_, found in members.items()
        if any(one in counted for one in found)
    }
    return _json({"data": data, "unknown": [id_ for id_ in asked if id_ not in data]})


def _too_many(found: int) -> Refusal:
    detail = "So many posts are not shown at once."
    return Refusal(invalid([FieldError("post_ids", "too_many", detail, limit=POSTS_MAX, found=found,
                                       remedy="Ask for fewer.")]))  # fmt: skip


async def _counted(call: Call, ids: list[str], query: PostStatsQuery) -> dict[str, dict[str, Any]]:
    native = PostsStatsQuery(post_ids=tuple(ids), since=query.since, until=query.until, limit=query.limit)
    return {one.post_id: shape.post_stats(one) for one in (await counted_posts(call, native)).data}


def _meant(shown: dict[str, Any], wanted: set[str]) -> bool:
    return "tiktok" in wanted or shown["profile_id"] in wanted


def _json(answer: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(answer), content_type="application/json")
