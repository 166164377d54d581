"""Deliveries sent again, many at once."""

import time
from itertools import islice
from typing import Annotated, Any, Final

import typer

from libs.rest.replays import ReplayAnswer
from services.cli.bar import Bar
from services.cli.desk import HEAR, Customer, Desk, Limit, Timeout, command, flag, page
from services.cli.ending import TIMED_OUT, Ended
from services.cli.say import Column, plain
from services.cli.when import ago

ReplayId = Annotated[str, typer.Argument(metavar="REPLAY_ID", help="rpl_…")]
LOOK_S: Final = 1.0
OVER: Final = ("done", "cancelled")

COLUMNS: Final = (
    Column("replay", lambda r: r.id),
    Column("state", lambda r: r.state),
    Column("sent again", lambda r: f"{r.replayed} of {r.total}", right=True),
    Column("since", lambda r: plain(r.since)[5:16], gives=True),
)


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=HEAR)(replay)
    group = typer.Typer(name="replays", help="Replays that were begun.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(show)
    command(group)(pause)
    command(group)(resume)
    command(group)(cancel)
    app.add_typer(group, rich_help_panel=HEAR)


def replay(
    desk: Desk,
    since: Annotated[str, typer.Option(metavar="TIME", help="Of events from then on: 2h, 3d, 2027-05-01T00:00Z.")],
    until: Annotated[str | None, typer.Option(metavar="TIME", help="And before then; else now.")] = None,
    event: Annotated[list[str] | None, typer.Option("--event", "-e", metavar="TYPE", help="Repeat it.")] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="ENDPOINT_ID")] = None,
    delivered: Annotated[bool, flag("--delivered", help="Those that arrived, too.")] = False,
    per_second: Annotated[int, typer.Option(min=1, max=1000, help="For each endpoint.")] = 50,
    dry_run: Annotated[bool, flag("--dry-run", help="Count them, send nothing.")] = False,
    wait: Annotated[bool, flag("--wait/--no-wait", help="Until all are on their way again.")] = False,
    customer: Customer = None,
    timeout: Timeout = 3600.0,
) -> None:
    """Send deliveries again that were given up, or that arrived and are wanted once more.

    \b
    Examples:
      clipwire replay --since 2d --dry-run
      clipwire replay --since 6h --endpoint end_… --delivered --wait
    """
    wish: dict[str, Any] = {
        "since": ago(since),
        "events": event or ("*",),
        "states": ("exhausted", "delivered") if delivered else ("exhausted",),
        "per_second": per_second,
    }
    optional = {"until": ago(until) if until else None, "endpoint_id": endpoint, "customer_id": desk.owner(customer)}
    wish |= {name: value for name, value in optional.items() if value is not None}
    if dry_run:
        desk.say.thing(desk.client.replays.count(**wish))
        return
    made = desk.client.replays.create(**wish)
    desk.say.thing(_watched(desk, made, timeout) if wait else made)


def listed(desk: Desk, customer: Customer = None, limit: Limit = 20) -> None:
    """List replays, newest first."""
    found = desk.client.replays.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), COLUMNS, empty="No replays.")


def show(desk: Desk, replay: ReplayId) -> None:
    """Show how far a replay is."""
    desk.say.thing(desk.client.replays.get(replay))


def pause(desk: Desk, replay: ReplayId) -> None:
    """Stop a replay where it is."""
    desk.say.thing(desk.client.replays.pause(replay))


def resume(desk: Desk, replay: ReplayId) -> None:
    """Go on where it stopped."""
    desk.say.thing(desk.client.replays.resume(replay))


def cancel(desk: Desk, replay: ReplayId) -> None:
    """End a replay where it is, for good."""
    desk.say.thing(desk.client.replays.cancel(replay))


def _watched(desk: Desk, replay: ReplayAnswer, timeout: float) -> ReplayAnswer:
    deadline = time.monotonic() + timeout
    with Bar(desk.say) as bar:
        while replay.state not in OVER:
            bar.part(replay.replayed, max(replay.total, replay.replayed), f"{replay.replayed} of {replay.total}")
            if time.monotonic() >= deadline:
                raise Ended(f"{replay.id} is {replay.state}.", code=TIMED_OUT, remedy="It goes on without you.")
            time.sleep(LOOK_S)
            replay = desk.client.replays.get(replay.id)
        bar.part(1, 1, "all on their way" if replay.state == "done" else f"cancelled after {replay.replayed}")
    return replay
