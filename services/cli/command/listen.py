"""Events as they come, and on to a program on this desk."""

import os
import time
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from libs.rest.client import ClipwireError, Refused, TimedOut, Unreachable
from libs.rest.events import EventAnswer, Feed
from libs.signing import BadSecret, SigningSecret, new_secret, parse_secret, sign
from services.cli.desk import HEAR, Customer, Desk, command, flag
from services.cli.dial import Address, dial
from services.cli.ending import USAGE, Ended
from services.cli.say import clean, plain, styled

LOOK_S: Final = 1.0
AWAY_S: Final = 600.0
AT_ONCE: Final = 100
SECRET: Final = "CLIPWIRE_LISTEN_SECRET"  # noqa: S105 — its name, not its value


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=HEAR)(listen)


def listen(
    desk: Desk,
    event: Annotated[
        list[str] | None, typer.Option("--event", "-e", metavar="TYPE", help="post.published, post.*; repeat it.")
    ] = None,
    forward: Annotated[
        str | None, typer.Option("--forward", "-f", metavar="URL", help="Send each on, signed: to your program.")
    ] = None,
    consumer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the place under this name, and go on from it.")
    ] = None,
    beginning: Annotated[bool, flag("--from-beginning", help="Everything that is kept, first.")] = False,
    most: Annotated[int | None, typer.Option("--max", metavar="N", min=1, help="End after so many.")] = None,
    customer: Customer = None,
) -> None:
    """Show events as they come, without a public URL; with --forward, hand them to a program on this machine.

    Each is signed anew (Standard Webhooks), with a secret that is printed at the start, or that of
    CLIPWIRE_LISTEN_SECRET. With --json, one event a line.

    \b
    Examples:
      clipwire listen
      clipwire listen -e 'post.*' --forward http://127.0.0.1:3000/webhooks
      clipwire listen --consumer billing --json | jq .type
    """
    to = Address.of(forward) if forward else None
    key = _secret(desk) if to else None
    name, owner = consumer or f"cli-{uuid4().hex[:12]}", desk.owner(customer)
    try:
        _begin(desk, name, owner, event or ["*"], "beginning" if beginning else "now", kept=consumer is not None)
        desk.say.note("Listening; Ctrl-C ends it.")
        _listen(desk, name, owner, to, key, most)
    finally:
        if consumer is None:  # else its place is kept, for the next time
            _forget(desk, name, owner)


def _begin(desk: Desk, name: str, owner: str | None, events: list[str], start: Any, *, kept: bool) -> None:
    wish = {"customer_id": owner} if owner else {}
    try:
        desk.client.consumers.create(name=name, events=events, start=start, **wish)
    except Refused as refused:
        if not (kept and refused.problem.code == "consumer_exists"):
            raise
        found = desk.client.consumers.get(name, customer_id=owner)
        desk.say.note(f"{name} goes on where it was; it hears {plain(found.events)}.")


def _forget(desk: Desk, name: str, owner: str | None) -> None:
    """Removes the consumer, if it came to be: an interruption may have been quicker."""
    try:
        desk.client.with_options(timeout=5).consumers.remove(name, customer_id=owner)
    except ClipwireError as error:
        if not (isinstance(error, Refused) and error.problem.status == 404):
            desk.say.note(f"The consumer {name} is left behind: {error}")


def _listen(
    desk: Desk, name: str, owner: str | None, to: Address | None, key: SigningSecret | None, most: int | None
) -> None:
    heard = 0
    while True:
        limit = AT_ONCE if most is None else min(AT_ONCE, most - heard)
        feed = _read(desk, name, owner, limit)
        for event in feed.data:
            _tell(desk, event, _forward(event, to, key) if to and key else None)
        if feed.data and feed.next_cursor:
            desk.client.consumers.acknowledge(name, cursor=feed.next_cursor, customer_id=owner)
        heard += len(feed.data)
        if most is not None and heard >= most:
            return
        if len(feed.data) < limit:
            time.sleep(LOOK_S)


def _read(desk: Desk, name: str, owner: str | None, limit: int) -> Feed:
    """What is new. A server that is away for a while is waited for: it keeps our place."""
    gone_at: float | None = None
    while True:
        try:
            return desk.client.consumers.read(name, limit=limit, customer_id=owner)
        except (Unreachable, TimedOut) as error:
            now = time.monotonic()
            if gone_at is None:
                gone_at = now
                desk.say.note(f"{error}; waiting for it.")
            if now - gone_at > AWAY_S:
                raise
            time.sleep(LOOK_S)


def _tell(desk: Desk, event: EventAnswer, answered: str | None) -> None:
    if desk.say.as_json:
        desk.say.line(event)
        if answered:
            desk.say.err.print(f"{event.id} {answered}")
        return
    about = next((str(event.data[name]) for name in ("post_id", "account_id", "media_id", "endpoint_id", "batch_id")
                  if event.data.get(name)), "")  # fmt: skip
    moment = plain(event.timestamp)[11:]
    if not desk.say.out.is_terminal:
        print("\t".join(filter(None, (event.timestamp.isoformat(), event.id, event.type, about, answered))), flush=True)
        return
    line = styled(f"{moment}  {clean(event.type):<26} {clean(about)}")
    line.stylize("dim", 0, len(moment))
    if answered:
        line.append(f"  → {answered}", style="green" if answered.startswith("2") else "red")
    desk.say.out.print(line)


def _forward(event: EventAnswer, to: Address, key: SigningSecret) -> str:
    """Hands it on; how that was answered. What failed is not tried again: it is here to be looked at."""
    body = event.model_dump_json().encode()
    headers = sign([key], message_id=event.id, timestamp=int(time.time()), body=body)
    said = dial("POST", to, body=body, headers={"Content-Type": "application/json", **headers})
    return str(said.status) if said.status is not None else clean(said.body.decode(errors="replace"))


def _secret(desk: Desk) -> SigningSecret:
    if given := os.environ.get(SECRET):
        try:
            return parse_secret(given)
        except BadSecret as error:
            raise Ended(f"{SECRET}: {error}.", code=USAGE) from None
    made = new_secret()
    desk.say.err.print(f"Signing with {made.reveal()}", soft_wrap=True)  # shown to be put into that program
    return made
