"""What can be done, and a typed answer, never a 404, where somebody looks for what cannot."""

from collections.abc import Awaitable, Callable, Iterator

from aiohttp import web
from pydantic import ConfigDict

from libs.model.capability import CAPABILITIES, UNSUPPORTED
from libs.model.capability import Capability as Ability
from libs.model.key import Capability
from libs.model.post import PostState
from libs.model.problem import Refusal
from libs.rest.shape import Ask
from services.api.body import read_object
from services.api.call import Call, reply
from services.api.doc import capabilities as doc
from services.api.resource import posts
from services.api.resource.post_shown import find
from services.api.route import Route


class Anything(Ask):
    """Whatever was asked of it, it cannot be done."""

    model_config = ConfigDict(extra="ignore", frozen=True)


async def listed(_: Call) -> web.StreamResponse:
    """Everything that is and is not possible, with the reason."""
    return reply(doc.EVERY)


async def delete(call: Call) -> web.StreamResponse:
    """What has not been sent is cancelled; what TikTok has, no app can delete."""
    await call.nothing()
    if (await find(call)).post.state in (PostState.PUBLISHED, PostState.IN_INBOX):
        raise Refusal(UNSUPPORTED["delete_published"].refusal())
    return await posts.cancel(call)


def _refusing(ability: Ability) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    async def refuse(call: Call) -> web.StreamResponse:
        if call.request.method == "POST":
            await read_object(call.request, optional=True)  # what cannot be read is said first, as everywhere
        raise Refusal(ability.refusal())

    refuse.__doc__ = f"{ability.title}: not supported. {ability.reason}"
    return refuse


def _refused() -> Iterator[Route]:
    for ability in CAPABILITIES:
        for path in ability.paths:
            handle, where = _refusing(ability), f"/v1{path}"
            look, do = doc.refused(ability, write=False), doc.refused(ability, write=True)
            yield Route("GET", where, Capability.POSTS, handle, doc=look, query=Anything, per_account=True)
            yield Route(
                "POST",
                where,
                Capability.POSTS,
                handle,
                doc=do,
                write=True,
                query=Anything,
                per_account=True,
                own_key=True,
            )


ROUTES = (
    Route("GET", "/v1/capabilities", Capability.POSTS, listed, doc=doc.LISTED, per_account=True),
    Route("DELETE", "/v1/posts/{id}", Capability.POSTS, delete, doc=doc.DELETE, write=True, per_account=True),
    *_refused(),
)
