"""Events as they come, and on to a program on this desk."""

import os
import time
from itertools import islice
from typing import Annotated, Final

import typer

from libs.model.event import stamp
from libs.rest.events import EventAnswer
from libs.signing import BadSecret, SigningSecret, new_secret, parse_secret, sign
from services.cli.desk import HEAR, Customer, Desk, command, flag
from services.cli.dial import Address, dial
from services.cli.ending import USAGE, Ended
from services.cli.feed import AT_ONCE, LOOK_S, Held, Kept, Place, Start, read
from services.cli.say import clean, plain, styled

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
    place = _begin(desk, consumer, desk.owner(customer), event or ["*"], "beginning" if beginning else "now")
    desk.say.note("Listening; Ctrl-C ends it.")
    heard = 0
    while most is None or heard < most:
        limit = AT_ONCE if most is None or consumer is None else min(AT_ONCE, most - heard)
        feed = read(place, limit, desk.say)
        for one in islice(place.select(feed), None if most is None else most - heard):
            _tell(desk, one, _forward(one, to, key) if to and key else None)
            heard += 1
        place.done(feed)
        if len(feed.data) < limit and (most is None or heard < most):
            time.sleep(LOOK_S)


def _begin(desk: Desk, name: str | None, owner: str | None, events: list[str], start: Start) -> Place:
    if name is None:
        return Held.at(desk.client, events, owner, start)
    kept = Kept(desk.client, name, owner)
    if (hears := kept.begin(events, start)) is not None:
        desk.say.note(f"{name} goes on where it was; it hears {plain(hears)}.")
    return kept


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
        print("\t".join(filter(None, (stamp(event.timestamp), event.id, event.type, about, answered))), flush=True)
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
