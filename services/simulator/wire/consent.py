"""The authorize page: a real form with account choice, scope toggles and a way to say no (fact sheet 1.1)."""

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl

from services.simulator.wire.answer import Answer
from services.simulator.wire.gate import Endpoint
from services.simulator.wire.request import Request
from services.simulator.world import authorize, oauth
from services.simulator.world.authorize import MANDATORY_SCOPE, AuthRequest, PageRefused, RedirectRefused
from services.simulator.world.record import Creator

PATH = "/v2/auth/authorize/"
SHOWN_ACCOUNTS = 50
HTML = "text/html; charset=utf-8"
SESSION = "sim_session"
_PAGE = Path(__file__).parent.parent / "page"
WORDS = {
    "user.info.basic": "Read your profile info (avatar, display name)",
    "user.info.profile": "Read access to additional profile info (bio, links, verification, username)",
    "user.info.stats": "Read access to your profile engagement statistics",
    "video.list": "Read your public videos on TikTok",
    "video.upload": "Upload content to your account as a draft",
    "video.publish": "Post content to TikTok",
}


class Consent:
    """GET shows the page, or skips it for someone who agreed before; POST is the page's answer."""

    def __init__(self) -> None:
        self._page = Template((_PAGE / "consent.html").read_text())
        self._error = Template((_PAGE / "consent_error.html").read_text())

    async def show(self, request: Request) -> Answer:
        query = dict(request.http.query)
        try:
            wanted = authorize.read(request.world, query, knobs=request.knobs)
            known = authorize.may_skip(request.world, wanted, request.http.cookies.get(SESSION, ""))
            if known is not None:
                return agree(request, wanted, known, wanted.scopes)
        except (PageRefused, RedirectRefused) as error:
            return self.refused(error)
        return Answer(200, self._form(request, wanted, query).encode(), HTML)

    async def decide(self, request: Request) -> Answer:
        try:
            form = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=100)
        except ValueError:
            return self.refused(PageRefused("invalid_request", "the form is malformed"))
        given = dict(form)
        try:
            wanted = authorize.read(request.world, given, knobs=request.knobs)
            if given.get("decision") != "authorize":
                raise authorize.denied(wanted)
            creator = self._creator(request, given)
            ticked = {value for name, value in form if name == "granted"}
            scopes = tuple(scope for scope in wanted.scopes if scope in ticked or scope == MANDATORY_SCOPE)
            if not scopes:
                raise authorize.denied(wanted)
            return agree(request, wanted, creator, scopes)
        except (PageRefused, RedirectRefused) as error:
            return self.refused(error)

    def _creator(self, request: Request, given: Mapping[str, str]) -> Creator:
        world, name = request.world, given.get("new_username", "").strip()
        if given.get("account") != "new":
            creator = world.creators.get(given.get("account", ""))
            if creator is None:
                raise PageRefused("invalid_request", "choose an account")
            return creator
        if not name.isascii() or not name.replace("_", "").replace(".", "").isalnum() or len(name) > 64:
            raise PageRefused("invalid_request", "a new account needs a username of letters, digits, _ and .")
        if (known := world.creator_named(name)) is not None:
            return known
        creator = Creator(f"sim-union-{world.ids.number(request.now)}", name, name)
        creator.private = not all(client.audited for client in world.clients)
        world.creators.add(creator.union_id, creator)
        return creator

    def _form(self, request: Request, wanted: AuthRequest, query: Mapping[str, str]) -> str:
        creators = request.world.creators.newest(SHOWN_ACCOUNTS)
        session = request.http.cookies.get(SESSION, "")
        chosen = next((c.union_id for c in creators if c.union_id == session), creators[0].union_id if creators else "")
        return self._page.substitute(
            client=html.escape(wanted.client.key),
            hidden="".join(
                f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
                for name, value in query.items()
            ),
            accounts="".join(_account(creator, chosen) for creator in creators),
            new_checked="" if creators else "checked",
            scopes="".join(_toggle(scope) for scope in wanted.scopes),
        )

    def refused(self, error: PageRefused | RedirectRefused) -> Answer:
        if isinstance(error, RedirectRefused):
            return Answer(302, b"", HTML, {"Location": error.location}, code=error.error)
        page = self._error.substitute(error=html.escape(error.error), description=html.escape(error.description))
        return Answer(400, page.encode(), HTML, code=error.error)

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("authorize", "GET", PATH, self.show), Endpoint("authorize", "POST", PATH, self.decide)]


def agree(request: Request, wanted: AuthRequest, creator: Creator, scopes: tuple[str, ...]) -> Answer:
    """A code for the scopes really granted, and a session so that the page can be skipped next time."""
    authorize.check_target(wanted, creator)
    code = oauth.new_code(
        request.world,
        wanted.client,
        creator,
        scopes=scopes,
        redirect_uri=wanted.redirect_uri,
        challenge=wanted.challenge,
        now=request.now,
        knobs=request.knobs,
    )
    location = authorize.callback(wanted.redirect_uri, code=code.code, scopes=",".join(scopes), state=wanted.state)
    cookie = f"{SESSION}={creator.union_id}; Path={PATH}; HttpOnly; SameSite=Lax"
    return Answer(302, b"", HTML, {"Location": location, "Set-Cookie": cookie})


def _account(creator: Creator, chosen: str) -> str:
    name, who = html.escape(creator.display_name), html.escape(creator.username)
    marks = " ".join(word for word, on in (("private", creator.private), ("banned", creator.banned)) if on)
    return (
        f'<label class="account"><input type="radio" name="account" value="{html.escape(creator.union_id)}"'
        f"{' checked' if creator.union_id == chosen else ''}><b>{name}</b> <span>@{who} {marks}</span></label>"
    )


def _toggle(scope: str) -> str:
    fixed = scope == MANDATORY_SCOPE
    return (
        f'<label class="scope"><span>{html.escape(WORDS[scope])}<small>{scope}</small></span>'
        f'<input type="checkbox" role="switch" name="granted" value="{scope}" checked{" disabled" if fixed else ""}>'
        "</label>"
    )
