"""`GET /oauth/tiktok/callback`: where TikTok sends the creator's browser back, and the page that says how it ended;
`GET /oauth/tiktok/reconnect/{token}`: the link that sends it there once more.

Pages are for the creator, who may have come by a bad link: they name the account and the permissions, never an id of
ours, a code or a state. Nothing of them may be framed, stored or run, and nobody hears where the browser goes next.
"""

import html
import re
from typing import Any

import structlog
from aiohttp import hdrs, web

from libs.accounts.connect import Connected, Connector, Ended
from libs.broker.port import Broker
from libs.model.audit import Decision, Entry
from libs.model.connect import CANNOT, Connect, Judged, Unopened
from libs.model.ids import new_id
from libs.runtime.clock import Clock
from libs.runtime.web import request_id
from libs.store.errors import StoreError
from services.api.audit import Auditor
from services.api.call import tame
from services.api.tiktok import TikTok

log = structlog.get_logger()
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
AGAIN = "Ask for a new link where you came from, and open it in this browser."
PAGES: dict[Judged, tuple[int, str, str]] = {
    Judged.UNKNOWN_STATE: (400, "This link is not known here", f"Nothing was connected. {AGAIN}"),
    Judged.REPLAYED_STATE: (400, "This link was used already",
                            f"A link connects one account, once. Nothing more has happened. {AGAIN}"),
    Judged.EXPIRED_STATE: (400, "This link is too old", f"It was good for fifteen minutes. {AGAIN}"),
    Judged.WRONG_REDIRECT: (400, "This link belongs to another address",
                            f"It was made to come back elsewhere, so it was not used here. {AGAIN}"),
    Judged.NO_ANSWER: (400, "TikTok sent no answer", f"Nothing was connected. {AGAIN}"),
    Judged.DENIED: (200, "You did not agree", f"Nothing was connected. If you change your mind: {AGAIN}"),
    Judged.REFUSED_BY_TIKTOK: (400, "TikTok refused", f"Nothing was connected. {AGAIN}"),
    Judged.EXPIRED_CODE: (400, "It took too long",
                          f"TikTok's code had expired or was used before. Nothing was connected. {AGAIN}"),
    Judged.FOREIGN_CODE: (400, "This answer was meant for another browser",
                          ("TikTok gave its code to somebody else, who may have sent you this link to connect "
                           f"their account in your place. Nothing was connected. {AGAIN}")),
    Judged.TIKTOK_TROUBLE: (502, "TikTok has trouble", f"Nothing was connected. Wait a little, then: {AGAIN}"),
    Judged.UNKNOWN_APP: (503, "The app has no secret here", "Nothing was connected. Tell whoever sent you here."),
    Judged.OTHER_CREATOR: (400, "This is another TikTok account",
                           f"The link was for one that is connected already. Log in as that account. {AGAIN}"),
}  # fmt: skip


LINKS: dict[Unopened, tuple[int, str, str]] = {
    Unopened.UNKNOWN: (400, "This link is not known here", "Ask for a new one where you came from."),
    Unopened.EXPIRED: (410, "This link is too old", "Ask for a new one where you came from."),
    Unopened.DONE: (200, "Already connected", "Your TikTok account was connected again. You can close this page."),
    Unopened.TOO_OFTEN: (429, "This link was opened too often",
                         "Nothing is wrong with it. Open it again in a quarter of an hour."),
}  # fmt: skip


class Callback:
    """The page at the end, and at the beginning the way there by a link to reconnect."""

    def __init__(self, line: TikTok, broker: Broker, auditor: Auditor, clock: Clock) -> None:
        self._connector: Connector = line.connector
        self._url = line.callback_url
        self._broker = broker
        self._auditor = auditor
        self._clock = clock

    async def show(self, request: web.Request) -> web.Response:
        """Ends the consent and says how. A reload is a replay: it changes nothing, and says so."""
        query = {name: value[:4096] for name, value in request.query.items()}
        try:
            ended = await self._connector.returned(query, redirect_uri=self._url())
        except StoreError as error:
            log.warning("connect.unsaved", error=type(error).__name__)
            return page(503, "Not now", f"We could not write this down. Nothing is certain. {AGAIN}")
        if isinstance(ended, Ended):
            status, title, text = PAGES[ended.why]
            customer = ended.connect.customer_id if ended.connect else None
            log.info("connect.ended", why=ended.why, customer_id=customer)
            if ended.connect is not None:
                await self._tell(request, ended.connect, "", Decision.REFUSED, {"code": str(ended.why)})
            said = ended.detail if ended.why is not Judged.DENIED else ""  # who declined knows that best
            return page(status, title, text, [said] if said else [])
        lacking = {"missing_scopes": list(ended.account.missing_scopes)}
        await self._tell(request, ended.connect, ended.account.id, Decision.ALLOWED, lacking)
        await self._broker.ring("notifier")
        await self._broker.ring("publisher")
        return _connected(ended)

    async def reopen(self, request: web.Request) -> web.Response:
        """Sends who opens a link to reconnect on to TikTok, with a state of its own; or says why it leads nowhere."""
        token = request.match_info["token"]
        try:
            begun = await self._connector.opened(token) if _TOKEN.fullmatch(token) else Unopened.UNKNOWN
        except StoreError as error:
            log.warning("reconnect.unread", error=type(error).__name__)
            return page(503, "Not now", "We could not look this up. Open the link again in a minute.")
        if isinstance(begun, Unopened):
            log.info("reconnect.unopened", why=begun)
            return page(*LINKS[begun], mark="\u2713" if begun is Unopened.DONE else "!")
        return web.Response(status=302, headers={**HEADERS, hdrs.LOCATION: begun.auth_url})

    async def _tell(
        self, request: web.Request, connect: Connect, subject: str, decision: Decision, detail: dict[str, Any]
    ) -> None:
        now = self._clock.now()
        await self._auditor.record(
            Entry(
                id=new_id("aud", now),
                at=now,
                customer_id=connect.customer_id,
                key_id=connect.made_by,
                who="A creator, by a link that this key made,",
                action="accounts.consent",
                subject=subject,
                decision=decision,
                request_id=request_id(request),
                detail=detail,
            )
        )


def _connected(ended: Connected) -> web.Response:
    account = ended.account
    name = f"@{account.username}" if account.username else account.display_name or "Your TikTok account"
    again = "connected again" if account.grant_n > 1 else "connected"
    if not account.missing_scopes:
        return page(200, f"{name} is {again}", "All permissions were granted. You can close this page.", mark="\u2713")
    text = "You left some permissions switched off. Without them we cannot do this; connect again to grant them."
    lacking = [f"{scope}: {CANNOT.get(scope, 'use what it opens')}" for scope in account.missing_scopes]
    return page(200, f"{name} is {again}, with some permissions missing", text, lacking, mark="\u2713")


def page(status: int, title: str, text: str, items: list[str] | None = None, *, mark: str = "!") -> web.Response:
    """A page that stands alone. Everything shown is escaped: names come from TikTok, and links from anybody."""
    listed = "".join(f"<li>{html.escape(tame(item) if len(item) > 500 else item)}</li>" for item in items or [])
    color = "#15803d" if mark != "!" else "#b45309"
    body = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{html.escape(title)}</title>
<style>body{{margin:0;padding:1rem;background:#f4f4f5;color:#18181b;font:16px/1.5 system-ui,sans-serif}}
main{{max-width:32rem;margin:12vh auto;background:#fff;border-radius:12px;padding:2rem;box-shadow:0 1px 12px #0001}}
i{{display:block;width:2.5rem;border-radius:50%;background:{color};color:#fff;text-align:center;
font:700 1.25rem/2.5rem system-ui,sans-serif}}
h1{{font-size:1.4rem;line-height:1.3;margin:1rem 0 .5rem;overflow-wrap:anywhere}}p{{margin:0}}
ul{{margin:1rem 0 0;padding-left:1.25rem}}
@media(prefers-color-scheme:dark){{body{{background:#18181b;color:#f4f4f5}}main{{background:#27272a}}}}</style></head>
<body><main><i aria-hidden="true">{mark}</i><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>
{f"<ul>{listed}</ul>" if listed else ""}</main></body></html>
"""
    return web.Response(body=body.encode(), status=status, content_type="text/html", charset="utf-8", headers=HEADERS)
