"""What may be asked of a post after it was accepted: another time, another try, a person's decision; drafts."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import web

from libs.model.change import Change
from libs.model.key import Capability
from libs.model.life import Outcome, not_editable, reschedule, resolve, revive, send
from libs.model.post import Note, Post, PostState
from libs.model.post_parse import Reading, as_if_in_utc, in_timezone, read
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.posts import FIXED, Reschedule, Resolve
from libs.store.errors import Contended
from libs.store.intake import check_request, every_error
from libs.store.posts import Context
from services.api.body import parsed, read_object
from services.api.call import Call, reply
from services.api.doc import lives as doc
from services.api.resource.post_shown import detailed, find
from services.api.resource.posts import TRIES
from services.api.route import Route

Decide = Callable[[Context], Awaitable[Change | Problem]]


async def move(call: Call) -> web.StreamResponse:
    """200: it goes out at another time. 409: it has no time any more."""
    asked = _times(await _asked(call))
    if not asked.model_fields_set & {"publish_at", "publish_before"}:
        raise Refusal(invalid([FieldError("publish_at", "required", "Nothing is to be changed.", remedy="Send it.")]))

    async def decide(found: Context) -> Change | Problem:
        post = found.post
        return reschedule(
            post,
            publish_at=_given(asked, "publish_at", post.publish_at),
            publish_before=_given(asked, "publish_before", post.publish_before),
            now=call.now,
        )

    return await _changed(call, decide)


async def retry(call: Call) -> web.StreamResponse:
    """200: another life begins. 409: it has not failed, or it cannot be proven that nothing of it was posted."""
    await call.nothing()

    async def decide(found: Context) -> Change | Problem:
        heard_of = await call.desk.store.posts.heard_of(found.post.id)
        return revive(found.post, found.publications, heard_of=heard_of, now=call.now)

    return await _changed(call, decide)


async def settle(call: Call) -> web.StreamResponse:
    """200: a person's decision on an unconfirmed post is kept. 409: it is not unconfirmed."""
    asked = parsed(Resolve, await _asked(call))
    outcome: Outcome = asked.outcome
    if asked.post_id is not None and outcome == "not_published":
        detail = "What was not published has no public id."
        raise Refusal(invalid([FieldError("post_id", "contradiction", detail, remedy="Leave post_id out.")]))

    async def decide(found: Context) -> Change | Problem:
        return resolve(
            found.post,
            found.publication,
            outcome=outcome,
            tiktok_post_id=asked.post_id or "",
            known=found.news,
            by=call.key.id,
            now=call.now,
        )

    return await _changed(call, decide)


async def edit(call: Call) -> web.StreamResponse:
    """200: the draft as it is now. The fields given replace its own; null takes one away."""
    fields = await read_object(call.request)
    await find(call)  # what is not there has no wrong fields
    named = [name for name in FIXED if name in fields]
    wrong = [FieldError(name, "fixed", "This cannot be edited.", remedy=f"Remove {name}.") for name in named]
    rest = {name: value for name, value in fields.items() if name not in named}
    return await _redrafted(call, rest, sent=False, wrong=wrong)


async def dispatch(call: Call) -> web.StreamResponse:
    """200: the draft is on its way. It is checked as a new post would be."""
    await call.nothing()
    return await _redrafted(call, {}, sent=True)


async def _asked(call: Call) -> dict[str, Any]:
    """The body's fields. Without any there is nothing to find fault with before the post is looked for."""
    fields = await read_object(call.request, optional=True)
    if not fields:
        await find(call)
    return fields


async def _changed(call: Call, decide: Decide) -> web.StreamResponse:
    """Reads, decides and saves, anew when somebody else was quicker."""
    for _ in range(TRIES):
        change = await decide(await find(call))
        if isinstance(change, Problem):
            raise Refusal(change)
        if not await call.desk.store.posts.save([change], now=call.now):
            await call.ring("publisher", "notifier")
            return reply(await detailed(call))
    raise Contended("a post changed under every try to change it")


async def _redrafted(
    call: Call, fields: dict[str, Any], *, sent: bool, wrong: Sequence[FieldError] = ()
) -> web.StreamResponse:
    for _ in range(TRIES):
        post = (await find(call)).post
        if sent and isinstance(gone := send(post, now=call.now), Problem):
            raise Refusal(gone)
        if post.state is not PostState.DRAFT:
            raise Refusal(not_editable(post))
        wanted = await _checked(call, post, fields, sent=sent, wrong=wrong)
        change = _drafted(post, wanted, sent=sent, now=call.now)
        if isinstance(change, Problem):
            raise Refusal(change)
        if await call.desk.store.posts.edit(change, request=wanted.request, now=call.now):
            await call.ring("publisher", "notifier")
            return reply(await detailed(call))
    raise Contended("a draft changed under every try to change it")


async def _checked(call: Call, post: Post, fields: dict[str, Any], *, sent: bool, wrong: Sequence[FieldError]) -> Post:
    """The post that the draft's request with these fields would be, by the rules of acceptance. Raises `Refusal`."""
    body = await call.desk.store.posts.whole_request(post) | fields | {"draft": not sent, "account_id": post.account_id}
    desk, audited, owner = call.desk, call.desk.settings.tiktok_audited, post.customer_id
    reading = read(body)
    if wrong or reading.errors:
        reading = Reading((*wrong, *reading.errors), reading.meant)
        raise Refusal(
            invalid(
                await every_error(
                    desk.store, reading, customer_id=owner, audited=audited, judge=desk.judge, now=call.now
                )
            )
        )
    planned = await check_request(
        desk.store,
        reading.meant[0],
        customer_id=owner,
        key=post.idempotency_key,
        audited=audited,
        judge=desk.judge,
        now=call.now,
    )
    if isinstance(planned, Problem):
        raise Refusal(planned)
    return planned.posts[0]


def _times(fields: dict[str, Any]) -> Reschedule:
    """The times asked for. Raises `Refusal`, with all that is wrong."""
    placed = in_timezone(fields)
    if not isinstance(placed, list):
        return parsed(Reschedule, placed)
    try:
        parsed(Reschedule, as_if_in_utc(fields))
    except Refusal as refusal:
        raise Refusal(invalid([*placed, *refusal.problem.errors])) from None
    raise Refusal(invalid(placed))


def _drafted(post: Post, wanted: Post, *, sent: bool, now: datetime) -> Change | Problem:
    edited = replace(
        post,
        media_id=wanted.media_id,
        photos=wanted.photos,
        publish_at=wanted.publish_at,
        publish_before=wanted.publish_before,
        updated_at=now,
    )
    return send(edited, now=now) if sent else Change(edited, notes=(Note("draft.edited"),))


def _given(asked: Reschedule, field: str, present: datetime | None) -> datetime | None:
    given: datetime | None = getattr(asked, field)
    return given if field in asked.model_fields_set else present


ROUTES = (
    Route("POST", "/v1/posts/{id}/reschedule", Capability.POSTS, move, doc=doc.MOVE, write=True, per_account=True),
    Route("POST", "/v1/posts/{id}/retry", Capability.POSTS, retry, doc=doc.RETRY, write=True, per_account=True),
    Route("POST", "/v1/posts/{id}/resolve", Capability.POSTS, settle, doc=doc.RESOLVE, write=True, per_account=True),
    Route("PATCH", "/v1/posts/{id}", Capability.POSTS, edit, doc=doc.EDIT, write=True, per_account=True),
    Route("POST", "/v1/posts/{id}/send", Capability.POSTS, dispatch, doc=doc.SEND, write=True, per_account=True),
)
