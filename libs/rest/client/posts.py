"""Posts: made, looked at, changed, and waited for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from libs.model.post import PostState
from libs.rest.client.call import Means, Script, call
from libs.rest.client.errors import NotPublished, TimedOut
from libs.rest.client.operation import (
    R,
    Resource,
    acting,
    changing,
    getting,
    listing,
    listing_of,
    making,
    operation,
    paging,
    removing,
    scripted,
)
from libs.rest.client.request import Request, at
from libs.rest.posts import (
    BatchAnswer,
    PostAnswer,
    PostDetail,
    PostNew,
    PostsQuery,
    Reschedule,
    Resolve,
    TimelineEntry,
    TimelineQuery,
    Verdict,
)
from libs.rest.stats import PostSnapshot, PostsStats, StatsQuery

OUT: Final = frozenset({PostState.PUBLISHED, PostState.IN_INBOX})
OVER: Final = frozenset({PostState.FAILED, PostState.CANCELLED})
LOOK_FIRST_S: Final = 0.5
LOOK_LAST_S: Final = 10.0


def _wait_until_published(
    means: Means, post_id: str, timeout: float = 600.0, *, on_change: Callable[[PostDetail], None] | None = None
) -> Script[PostDetail]:
    """Looks until the post is out (or, for mode inbox, in the creator's drafts) and returns it.

    Raises `NotPublished` when it fails or is cancelled, and `TimedOut` after `timeout` seconds, which changes nothing
    about the post. `unconfirmed` is waited for: news may still come. `on_change` sees the post whenever it moved.
    """
    clock = means.clock
    deadline, pause, seen = clock() + timeout, 0.0, None
    request = Request("GET", at("/v1/posts/{}", post_id), PostDetail)
    while True:
        post = yield from call(request, means, after_s=pause, timeout=max(deadline - clock(), 0.0) + pause)
        if on_change is not None and (post.state, post.publications) != seen:
            on_change(post)
        seen = (post.state, post.publications)
        if post.state in OUT:
            return post
        if post.state in OVER:
            raise NotPublished(post)
        pause = min(LOOK_LAST_S, pause * 1.5 or LOOK_FIRST_S)
        if clock() + pause >= deadline:
            raise TimedOut(f"{post_id} is {post.state} after {timeout:g} s", may_have_worked=False)


def _edit(post_id: str, /, **fields: Any) -> Request[PostDetail]:
    """PATCH /v1/posts/{id}

    Fields of a draft, as a new post has them: those given replace its own, None takes one away.
    """
    return Request("PATCH", at("/v1/posts/{}", post_id), PostDetail, body=fields)


def _stats_of(post_ids: Sequence[str], /, **query: Any) -> Request[PostsStats]:
    """GET /v1/posts/stats

    The newest numbers of up to 50 posts, or why there are none yet; the query takes `since`, `until` and `limit`.
    """
    asked = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in query.items()}
    return Request("GET", "/v1/posts/stats", PostsStats, query={"post_ids": ",".join(post_ids), **asked})


class Posts(Resource[R]):
    create = making("/v1/posts", PostNew, PostAnswer, without="account_ids")
    create_batch = making("/v1/posts", PostNew, BatchAnswer, without="account_id")
    validate = making("/v1/posts/validate", PostNew, Verdict)
    get = getting("/v1/posts/{}", PostDetail)
    page = paging("/v1/posts", PostsQuery, PostAnswer)
    list = listing("/v1/posts", PostsQuery, PostAnswer)
    timeline = listing_of("/v1/posts/{}/timeline", TimelineQuery, TimelineEntry)
    stats = listing_of("/v1/posts/{}/stats", StatsQuery, PostSnapshot)
    stats_of = operation(_stats_of)
    cancel = acting("/v1/posts/{}/cancel", PostDetail)
    reschedule = changing("/v1/posts/{}/reschedule", Reschedule, PostDetail)
    retry = acting("/v1/posts/{}/retry", PostDetail)
    resolve = changing("/v1/posts/{}/resolve", Resolve, PostDetail)
    edit = operation(_edit)
    send = acting("/v1/posts/{}/send", PostDetail)
    delete = removing("/v1/posts/{}", PostDetail)
    wait_until_published = scripted(_wait_until_published)
