"""What is shown of a post, and the post of a path."""

from dataclasses import asdict
from typing import Any

from libs.accounts.limit import Call as Limited
from libs.accounts.limit import read_limits
from libs.model.post import SETTLED, Post, PostState
from libs.model.post_request import arranged
from libs.model.publication import Publication
from libs.model.source import cut
from libs.model.waiting import Place, waiting
from libs.rest.posts import PostAnswer, PostDetail, PostWaiting, PublicationAnswer
from libs.store.posts import Context
from services.api.call import Call


async def find(call: Call) -> Context:
    """The post of the path, if this key may see it; raises `Refusal` 404."""
    found = await call.desk.store.posts.get(call.id("post"), customer_id=call.sees, reach=call.reach)
    if found is None:
        raise call.missing("post")
    return found


def shown(post: Post) -> PostAnswer:
    return PostAnswer(**_fields(post))


async def detailed(call: Call) -> PostDetail:
    """The post of the path as it is now; raises `Refusal` 404."""
    found = await find(call)
    publications = tuple(_publication(publication) for publication in found.publications)
    place = Place()
    if found.post.state not in (*SETTLED, PostState.DRAFT):  # those wait for nobody of ours
        inits = read_limits(call.desk.settings.tiktok_per_minute)[Limited.VIDEO_INIT]
        place = await call.desk.store.posts.place(found.post.id, per_minute=inits)
    waits = waiting(found.post, place, now=call.now)
    shown_wait = PostWaiting(**asdict(waits)) if waits else None
    return PostDetail(**_fields(found.post), publications=publications, waiting=shown_wait)


def _fields(post: Post) -> dict[str, Any]:
    same = (
        "id", "customer_id", "account_id", "batch_id", "state", "publish_at", "publish_before",
        "media_id", "failures", "retries", "life", "held_at", "cancel_requested_at", "problem",
        "created_at", "updated_at", "finished_at",
    )  # fmt: skip
    fields = {name: getattr(post, name) for name in same}
    return fields | {
        "idempotency_key": post.chosen_key,
        "next_slot_at": post.slot_at,
        "kind": post.request["kind"],
        "mode": post.request["mode"],
        "tiktok_post_ids": post.public_post_ids,
        "request": _unsigned(post.request),
    }


def _unsigned(request: dict[str, Any]) -> dict[str, Any]:
    """The request with its URLs cut before their query: a signed URL is a secret of whoever signed it."""
    request = arranged(request)
    cover = request.get("cover")
    shown_cover = {"cover": cut(cover)} if cover else {}
    return request | {"media": [cut(source) for source in request["media"]]} | shown_cover


def _publication(publication: Publication) -> PublicationAnswer:
    names = PublicationAnswer.model_fields
    return PublicationAnswer(**{name: getattr(publication, name) for name in names})
