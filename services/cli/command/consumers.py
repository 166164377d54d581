"""Places in the feed of events, kept by name."""

from itertools import islice
from typing import Annotated, Any, Final

import typer

from services.cli.desk import HEAR, Customer, Desk, Limit, command, page
from services.cli.say import Column, plain
from services.cli.when import ago

Name = Annotated[str, typer.Argument(metavar="NAME")]

COLUMNS: Final = (
    Column("consumer", lambda c: c.name),
    Column("events", lambda c: c.events, gives=True),
    Column("acknowledged", lambda c: plain(c.acknowledged_at)[5:16] or "never"),
    Column("place", lambda c: c.cursor, gives=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="consumers", help="Places in the feed, kept by name.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(show)
    command(group)(seek)
    command(group)(remove)
    app.add_typer(group, rich_help_panel=HEAR)


def listed(desk: Desk, customer: Customer = None, limit: Limit = 50) -> None:
    """List consumers, newest first. `clipwire listen --consumer NAME` makes one."""
    found = desk.client.consumers.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), COLUMNS, empty="No consumers.")


def show(desk: Desk, name: Name, customer: Customer = None) -> None:
    """Show one consumer and its place."""
    desk.say.thing(desk.client.consumers.get(name, customer_id=desk.owner(customer)))


def seek(
    desk: Desk,
    name: Name,
    to: Annotated[str, typer.Argument(metavar="PLACE", help="now, beginning, a time (2h ago: 2h), or a cursor.")],
    customer: Customer = None,
) -> None:
    """Go on from another place, forward or back."""
    desk.say.thing(desk.client.consumers.seek(name, customer_id=desk.owner(customer), **_place(to)))


def remove(desk: Desk, name: Name, customer: Customer = None) -> None:
    """Forget a place; the events stay."""
    desk.say.thing(desk.client.consumers.remove(name, customer_id=desk.owner(customer)))


def _place(said: str) -> dict[str, Any]:
    if said in ("now", "beginning"):
        return {"to": said}
    # A cursor is digits and a dot before anything else; a time has dashes there.
    return {"cursor": said} if said.partition(".")[0].isdigit() and "." in said else {"time": ago(said)}
