"""Numbers of accounts and posts over time, as they were taken; TikTok is not asked."""

from collections.abc import Sequence

from aiohttp import web

from libs.model.account import Account, AccountState
from libs.model.key import Capability
from libs.model.post import Post
from libs.model.stats import ACCOUNT_SCOPE, POST_SCOPE, Snapshot
from libs.rest.stats import (
    AccountSnapshot,
    AccountStats,
    PostSnapshot,
    PostsStats,
    PostsStatsQuery,
    PostStats,
    StatsQuery,
)
from services.api.call import Call, reply
from services.api.doc import stats as doc
from services.api.resource.account_found import found
from services.api.resource.post_shown import find
from services.api.route import Route


async def of_account(call: Call) -> web.StreamResponse:
    """An account's numbers over time, newest first, as they were taken about every 23 hours."""
    query = call.query(StatsQuery)
    account = await found(call)
    return reply(account_stats(account, await _series(call, account.id, query), limit=query.limit))


async def of_post(call: Call) -> web.StreamResponse:
    """A post's numbers over time, newest first. A post without a public id says so instead of showing zeros."""
    query, post = call.query(StatsQuery), (await find(call)).post
    account = await call.desk.store.accounts.get(post.account_id, customer_id=None)
    return reply(post_stats(post, account, await _series(call, post.id, query), limit=query.limit))


async def of_posts(call: Call) -> web.StreamResponse:
    """The numbers of several posts at once."""
    query = call.query(PostsStatsQuery)
    return reply(await counted_posts(call, query))


async def counted_posts(call: Call, query: PostsStatsQuery) -> PostsStats:
    """Of those that the key may see."""
    store, ids = call.desk.store, list(dict.fromkeys(query.post_ids))
    posts = await store.stats.posts(ids, customer_id=call.sees, reach=call.reach)
    accounts = await store.accounts.get_many([post.account_id for post in posts.values()], customer_id=None)
    found = await store.stats.many(list(posts), since=query.since, until=query.until, limit=query.limit + 1)
    shown = (
        post_stats(posts[id_], accounts.get(posts[id_].account_id), found[id_], limit=query.limit)
        for id_ in ids
        if id_ in posts
    )
    return PostsStats(data=tuple(shown), unknown=tuple(id_ for id_ in ids if id_ not in posts))


async def _series(call: Call, subject: str, query: StatsQuery) -> list[Snapshot]:
    return await call.desk.store.stats.series(
        subject, before=query.cursor, since=query.since, until=query.until, limit=query.limit + 1
    )


def account_stats(account: Account, found: Sequence[Snapshot], *, limit: int) -> AccountStats:
    """The first `limit` of what was found, which was asked for with one more."""
    shown = tuple(AccountSnapshot(taken_at=one.at, **one.numbers) for one in found[:limit])
    if shown:
        return AccountStats(account_id=account.id, status="counted", data=shown, next_cursor=_more(found, limit))
    if account.state is not AccountState.CONNECTED:
        return AccountStats(account_id=account.id, status="not_connected", data=())
    scoped = ACCOUNT_SCOPE in account.scopes
    return AccountStats(account_id=account.id, status="not_yet" if scoped else "missing_scope", data=())


def post_stats(post: Post, account: Account | None, found: Sequence[Snapshot], *, limit: int) -> PostStats:
    """The first `limit` of what was found, which was asked for with one more."""
    shown = tuple(
        PostSnapshot(taken_at=one.at, tiktok_post_id=one.tiktok_post_id, **one.numbers) for one in found[:limit]
    )
    answer = PostStats(
        post_id=post.id,
        account_id=post.account_id,
        status="counted",
        tiktok_post_ids=post.public_post_ids,
        data=shown,
        next_cursor=_more(found, limit),
    )
    if shown:
        return answer
    if not post.public_post_ids:
        return answer.model_copy(update={"status": "no_public_id"})
    if account is None or account.state is not AccountState.CONNECTED:
        return answer.model_copy(update={"status": "not_connected"})
    return answer.model_copy(update={"status": "not_yet" if POST_SCOPE in account.scopes else "missing_scope"})


def _more(found: Sequence[Snapshot], limit: int) -> str | None:
    return str(found[limit - 1].id) if len(found) > limit else None


ROUTES = (
    Route(
        "GET",
        "/v1/accounts/{id}/stats",
        Capability.PROFILE,
        of_account,
        doc=doc.ACCOUNT_STATS,
        query=StatsQuery,
        per_account=True,
    ),
    Route(
        "GET",
        "/v1/posts/stats",
        Capability.POSTS,
        of_posts,
        doc=doc.POSTS_STATS,
        query=PostsStatsQuery,
        per_account=True,
    ),
    Route(
        "GET", "/v1/posts/{id}/stats", Capability.POSTS, of_post, doc=doc.POST_STATS, query=StatsQuery, per_account=True
    ),
)
