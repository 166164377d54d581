"""Connecting accounts as SocialAPI.ai has it: a link for the creator, then an exchange of what came back."""

from typing import Final, Literal

from aiohttp import web

from libs.rest.accounts import ConnectNew, RedirectUri
from libs.rest.shape import Answer, Ask
from services.api.call import Call, reply
from services.api.doc.connect import REDIRECT, STATE
from services.api.doc.shape import Example
from services.api.resource.connect import begin


class ConnectMetadata(Ask):
    """Left out, TikTok sends the browser to our own page, which does the rest."""

    redirect_uri: RedirectUri | None = None


class Connect(Ask):
    """Asks for a creator's consent."""

    platform: Literal["tiktok"]
    metadata: ConnectMetadata = ConnectMetadata()


class Link(Answer):
    """Where to send the creator's browser; `state` comes back with it."""

    auth_url: str
    state: str


async def connect(call: Call) -> web.StreamResponse:
    """201: where to send the creator's browser."""
    new = await call.body(Connect)
    begun = await begin(call, ConnectNew(redirect_uri=new.metadata.redirect_uri))
    return reply(Link(auth_url=begun.auth_url, state=begun.state), status=201)


CONNECT: Final = (
    Example(
        201,
        Link(auth_url="https://www.tiktok.com/v2/auth/authorize/?client_key=awoperatorsapp01", state=STATE),
        {"platform": "tiktok", "metadata": {"redirect_uri": REDIRECT}},
    ),
)
