"""Taking a post request in: look up what it names, let the model decide, save once. By REST and by queue alike."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.model.accept import Plan, plan, refusals
from libs.model.account import Account
from libs.model.ids import is_id
from libs.model.post import Post
from libs.model.post_parse import Reading
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem
from libs.store.acceptance import Accepted, Duplicate, IdempotencyConflict
from libs.store.media import Media
from libs.store.store import Store

ALIKE_FOR = timedelta(minutes=10)
"""How long the same content without a key is taken for the same request: a form sent twice, a lost answer."""
Judge = Callable[[PostRequest, Mapping[str, Media]], tuple[Collection[str], Sequence[FieldError]]]
"""Of the kept files a request names: the ids that may go out as they are, and what forbids others."""


async def take_request(
    store: Store,
    request: PostRequest,
    *,
    customer_id: str,
    key: str,
    audited: bool,
    judge: Judge,
    now: datetime,
    guarded: bool = False,
) -> Accepted | Problem:
    """Accepts the request under the idempotency key `key`, or says what is wrong with it.

    The same key with the same content returns the posts it made (`created` False), whatever has changed since; with
    other content, the problem `idempotency_conflict`. `guarded`: nobody chose the key, so that content which one of its
    accounts was given a moment ago is `duplicate_content`.
    """
    try:
        known = await store.posts.accepted(
            customer_id=customer_id, key=key, accounts=request.accounts, request_hash=request.content_hash()
        )
        if known is not None:
            return known
        planned = await check_request(
            store, request, customer_id=customer_id, key=key, audited=audited, judge=judge, now=now
        )
        if isinstance(planned, Problem):
            return planned
        since = now - ALIKE_FOR if guarded and not request.draft else None
        return await store.posts.accept(
            planned.posts, request_hash=planned.request_hash, events=planned.events, unlike_since=since
        )
    except IdempotencyConflict as conflict:
        return _conflict(key, conflict.post.id)
    except Duplicate as duplicate:
        return _duplicate(duplicate.post, now=now)


async def known_request(
    store: Store, request: PostRequest, *, customer_id: str, key: str, audited: bool, judge: Judge, now: datetime
) -> tuple[Post, ...] | Problem:
    """What `take_request` would find; no posts where it would make some. Saves nothing of a post."""
    try:
        known = await store.posts.accepted(
            customer_id=customer_id, key=key, accounts=request.accounts, request_hash=request.content_hash()
        )
    except IdempotencyConflict as conflict:
        return _conflict(key, conflict.post.id)
    if known is not None:
        return known.posts
    planned = await check_request(
        store, request, customer_id=customer_id, key=key, audited=audited, judge=judge, now=now
    )
    return planned if isinstance(planned, Problem) else ()


async def check_request(
    store: Store, request: PostRequest, *, customer_id: str, key: str, audited: bool, judge: Judge, now: datetime
) -> Plan | Problem:
    """What accepting the request would insert, or what is wrong with it. Saves nothing of a post.

    `audited` is the operator's app; accounts of a customer's own go by theirs.
    """
    named = await _look_up(store, request, customer_id=customer_id, now=now)
    fit, flaws = judge(request, named.media)
    return plan(
        request,
        customer_id=customer_id,
        key=key,
        accounts=named.accounts,
        media=named.media,
        coming=named.coming,
        fit=fit,
        flaws=flaws,
        audited=named.audited(audited),
        now=now,
    )


async def every_error(
    store: Store, reading: Reading, *, customer_id: str, audited: bool, judge: Judge, now: datetime
) -> list[FieldError]:
    """All that is wrong with a body: what reading it found, and what its accounts and media say of the rest."""
    request = reading.request
    if request is None:
        return list(reading.errors)
    named = await _look_up(store, request, customer_id=customer_id, now=now)

    def forbidden(meant: PostRequest) -> list[FieldError]:
        return refusals(
            meant,
            accounts=named.accounts,
            media=named.media,
            coming=named.coming,
            flaws=judge(meant, named.media)[1],
            audited=named.audited(audited),
            now=now,
        )

    return list(reading.also(forbidden))


@dataclass(frozen=True, slots=True)
class _Named:
    """What the store has of what a request names."""

    accounts: Mapping[str, Account]
    media: Mapping[str, Media]
    coming: Collection[str]

    def audited(self, operators: bool) -> bool:
        """Whether every account's app may post publicly; one without an app of its own goes by the operator's."""
        apps = [operators if one.app_audited is None else one.app_audited for one in self.accounts.values()]
        return all(apps)


async def _look_up(store: Store, request: PostRequest, *, customer_id: str, now: datetime) -> _Named:
    accounts = await store.accounts.get_many(request.accounts, customer_id=customer_id)
    named = [source for source in (*request.media, request.cover or "") if is_id(source, "med")]
    media = await store.media.use(named, customer_id=customer_id, now=now)
    absent = [id_ for id_ in named if id_ not in media]
    coming = await store.arrivals.coming(absent, customer_id=customer_id) if absent else set()
    return _Named(accounts, media, coming)


def _duplicate(twin: Post, *, now: datetime) -> Problem:
    ago = max(0, round((now - twin.created_at).total_seconds()))
    long_ago = f"{ago} s" if ago < 60 else f"{ago // 60} min"
    return Problem(
        code="duplicate_content",
        title="This was posted a moment ago",
        status=409,
        detail=f"{twin.id} has the same media and text, went to {twin.account_id} {long_ago} ago and is {twin.state}.",
        remedy=f"To see it: GET /v1/posts/{twin.id}. To post the same once more, send this again with a header"
        " Idempotency-Key of its own; without one, the same is taken for a repetition for"
        f" {ALIKE_FOR // timedelta(minutes=1)} minutes. Another title will do, too.",
        extra={"post_id": twin.id, "state": str(twin.state)},
    )


def _conflict(key: str, post_id: str) -> Problem:
    return Problem(
        code="idempotency_conflict",
        title="The idempotency key was used for another request",
        status=422,
        detail=f"The key {key[:64]!r} belongs to {post_id}, whose request differs from this one.",
        remedy="Use a new key for a new post; repeat the very same request to find the old one.",
        extra={"post_id": post_id},
    )
