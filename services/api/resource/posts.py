"""Posts: accepted once, shown, cancelled where that is still true."""

from collections.abc import Sequence
from typing import Any

import structlog
from aiohttp import web

from libs.model.change import Change
from libs.model.ids import is_id, new_id
from libs.model.key import Capability
from libs.model.post import Note, Post, nobodys_key
from libs.model.post_parse import Reading, parse, read, unnamed
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.posts import (
    AUTOMATIC,
    BatchAnswer,
    PostsQuery,
    TimelineEntry,
    TimelineQuery,
)
from libs.rest.shape import Page
from libs.store.acceptance import Accepted
from libs.store.errors import Contended
from libs.store.intake import every_error, take_request
from libs.store.lists import Wanted
from services.api.audit import TOLD
from services.api.body import read_object
from services.api.call import Call, reply
from services.api.cancel import AskDriver, AtOnce, cancelling
from services.api.doc import posts as doc
from services.api.door import out_of_reach
from services.api.idempotency import settle_key
from services.api.once import REPLAYED
from services.api.page import page
from services.api.resource.post_shown import detailed, find, shown
from services.api.route import Route

log = structlog.get_logger()

TRIES = 5
"""Rounds against writers that are quicker; each round one of them made progress."""


async def create(call: Call) -> web.StreamResponse:
    """201: a new post (several with `account_ids`). 200: the idempotency key was used for the very same request."""
    request, named = await wanted(call)
    return _accepted(request, await accept(call, request, named=named))


async def accept(call: Call, request: PostRequest, *, named: str | None = None) -> Accepted:
    """Takes it for whoever's it is, under the key that it was given, and wakes who acts on it. Raises `Refusal`."""
    given = settle_key(call.request, in_body=request.idempotency_key)
    owner = await owner_of(call, request, named=named)
    if request.consent is not None:
        call.request[TOLD] = {"consent": request.consent.model_dump(mode="json")}
    # Without a key that somebody chose nobody asks for this very one again: what looks the same and comes soon is it.
    chosen = given is not None and not given.startswith(AUTOMATIC)
    key = given or nobodys_key(new_id("post", call.now))
    taken = await take(call, request, owner=owner, key=key, guarded=not chosen)
    if taken.created:
        await call.ring("publisher", "notifier")
    return taken


async def listed(call: Call) -> web.StreamResponse:
    """Posts, newest first."""
    query = call.query(PostsQuery)
    scope = call.scope(query.customer_id)
    account_id = query.account_id
    if query.group_id is not None:
        group = await call.desk.store.groups.get(query.group_id, customer_id=scope)
        held = group.account_id if group else None
        if held is None or account_id not in (None, held):
            return reply(page([], shown, limit=query.limit))
        account_id = held
    if query.idempotency_key is not None and scope is None:
        detail = "A key of posts is one customer's: an operator key has to say whose."
        raise Refusal(invalid([FieldError("customer_id", "required", detail, remedy="Add customer_id.")]))
    wanted = Wanted(
        state=query.state,
        kind=query.kind,
        account_id=account_id,
        batch_id=query.batch_id,
        idempotency_key=query.idempotency_key,
        since=query.since,
        until=query.until,
    )
    rows = await call.desk.store.lists.posts(
        wanted, customer_id=scope, before=query.cursor, limit=query.limit + 1, reach=call.reach
    )
    return reply(page(rows, shown, limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One post with its publications: every init that was made for it."""
    return reply(await detailed(call))


async def timeline(call: Call) -> web.StreamResponse:
    """What happened to a post, oldest first: every step, call, change of state and wait."""
    query, found = call.query(TimelineQuery), await find(call)
    rows = await call.desk.store.posts.timeline(found.post.id, after=query.cursor, limit=query.limit + 1)
    entries = tuple(TimelineEntry(at=at, kind=note.kind, detail=note.detail) for _, at, note in rows[: query.limit])
    more = len(rows) > query.limit
    return reply(Page(data=entries, next_cursor=str(rows[query.limit - 1][0]) if more else None))


async def cancel(call: Call) -> web.StreamResponse:
    """200: it is cancelled. 202: it may be on its way, and whoever sends it was asked to stop. 409: it is too late."""
    await call.nothing()
    for _ in range(TRIES):
        post = (await find(call)).post
        match cancelling(post, now=call.now):
            case Problem() as problem:
                raise Refusal(problem)
            case AtOnce(change):
                status = 200 if await _cancelled(call, change) else None
            case AskDriver():
                status = 202 if await _asked(call, post) else None
        if status is not None:
            return reply(await detailed(call), status=status)
    raise Contended("a post changed under every try to cancel it")


async def _cancelled(call: Call, change: Change) -> bool:
    if await call.desk.store.posts.save([change], now=call.now):
        return False
    await call.ring("notifier")
    return True


async def _asked(call: Call, post: Post) -> bool:
    posts = call.desk.store.posts
    if not await posts.note_cancel(post.id, now=call.now):
        return False
    if post.cancel_requested_at is None:
        await posts.add_note(post.id, Note("cancel.requested", {"key_id": call.key.id}), now=call.now)
    await call.ring("publisher")
    return True


async def wanted(call: Call) -> tuple[PostRequest, str | None]:
    """The post request in the body, and the customer that it names beside. Raises `Refusal`."""
    body = await read_object(call.request)
    named = body.pop("customer_id", None)
    wrong = []
    if named is not None and not (isinstance(named, str) and is_id(named, "cus")):
        detail = "This is not an id that begins with cus_."
        wrong.append(FieldError("customer_id", "bad_id", detail, remedy="Send the customer's id, or leave it out."))
        named = None
    return await understood(call, body, named=named, wrong=wrong), named


async def understood(
    call: Call, body: dict[str, Any], *, named: str | None, wrong: Sequence[FieldError] = ()
) -> PostRequest:
    """The post request that these fields are, when nothing else was `wrong` with what came. Raises `Refusal`, with all
    that is wrong: also what the accounts and media of a wrong body forbid."""
    reading = read(body)
    if not (reading.errors or wrong):
        return _within_reach(call, reading.meant[0])
    reading = Reading((*wrong, *unnamed(wrong, reading.errors)), reading.meant)
    request = reading.request
    nobodys = request is None or not (request.accounts or named or call.sees)
    if request is None or nobodys or not all(map(call.reach.has, request.accounts)):
        raise Refusal(invalid(reading.errors))
    try:
        owner = await owner_of(call, request, named=named)
    except Refusal as refusal:
        raise Refusal(invalid([*reading.errors, *unnamed(reading.errors, refusal.problem.errors)])) from None
    audited = call.desk.settings.tiktok_audited
    errors = await every_error(
        call.desk.store, reading, customer_id=owner, audited=audited, judge=call.desk.judge, now=call.now
    )
    raise Refusal(invalid(errors))


def request_of(call: Call, body: dict[str, Any]) -> PostRequest:
    """The post request that these fields are, about accounts that the key reaches. Raises `Refusal`."""
    request = parse(body)
    if isinstance(request, list):
        raise Refusal(invalid(request))
    return _within_reach(call, request)


def _within_reach(call: Call, request: PostRequest) -> PostRequest:
    for account_id in request.accounts:
        if not call.reach.has(account_id):
            raise out_of_reach(Capability.POSTS, account_id)
    return request


async def owner_of(call: Call, request: PostRequest, *, named: str | None) -> str:
    """The customer named, or the one whose accounts these are. Only an operator's key may need the latter."""
    if call.sees is not None or named is not None:
        return await call.owner(named)
    accounts = await call.desk.store.accounts.get_many(request.accounts, customer_id=None)
    owners = {account.customer_id for account in accounts.values()}
    if len(owners) == 1:
        return owners.pop()
    field = "account_id" if request.account_id is not None else "account_ids"
    if not owners:
        error = FieldError(field, "unknown_account", "There is no such account.", found=request.accounts[0][:64],
                           remedy="List the accounts, or connect it.")  # fmt: skip
    else:
        error = FieldError(field, "several_customers", "These accounts belong to several customers.", limit=1,
                           found=len(owners), remedy="Send one request per customer, or name customer_id.")  # fmt: skip
    raise Refusal(invalid([error]))


async def take(call: Call, request: PostRequest, *, owner: str, key: str, guarded: bool = False) -> Accepted:
    """Accepts it, or finds what its key made. Raises `Refusal`."""
    audited = call.desk.settings.tiktok_audited
    for attempt in range(TRIES):
        try:
            taken = await take_request(
                call.desk.store,
                request,
                customer_id=owner,
                key=key,
                audited=audited,
                judge=call.desk.judge,
                now=call.now,
                guarded=guarded,
            )
        except Contended:
            # Two requests for the same accounts in different orders waited for each other; safe again, by the key.
            log.info("post.contended", attempt=attempt)
            continue
        if isinstance(taken, Problem):
            raise Refusal(taken)
        return taken
    raise Contended("a post request gave way to others again and again")


def in_order(request: PostRequest, taken: Accepted) -> list[Post]:
    """The posts in the order in which the request names their accounts."""
    order = {account: place for place, account in enumerate(request.accounts)}
    return sorted(taken.posts, key=lambda post: order[post.account_id])


def _accepted(request: PostRequest, taken: Accepted) -> web.Response:
    status = 201 if taken.created else 200
    posts = in_order(request, taken)
    if request.account_ids is None:
        made = reply(shown(posts[0]), status=status, location=f"/v1/posts/{posts[0].id}")
    else:
        batch_id = posts[0].batch_id or ""
        answer = BatchAnswer(batch_id=batch_id, posts=tuple(shown(post) for post in posts))
        made = reply(answer, status=status, location=f"/v1/posts?batch_id={batch_id}")
    if not taken.created:
        made.headers[REPLAYED] = "true"
    return made


ROUTES = (
    Route("POST", "/v1/posts", Capability.POSTS, create, doc=doc.CREATE, write=True, per_account=True, own_key=True),
    Route("GET", "/v1/posts", Capability.POSTS, listed, doc=doc.LISTED, query=PostsQuery, per_account=True),
    Route("GET", "/v1/posts/{id}", Capability.POSTS, get, doc=doc.GET, per_account=True),
    Route(
        "GET",
        "/v1/posts/{id}/timeline",
        Capability.POSTS,
        timeline,
        doc=doc.TIMELINE,
        query=TimelineQuery,
        per_account=True,
    ),
    Route("POST", "/v1/posts/{id}/cancel", Capability.POSTS, cancel, doc=doc.CANCEL, write=True, per_account=True),
)
