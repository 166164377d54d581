"""What became of events at endpoints."""

from itertools import islice
from typing import Annotated, Any, Final

import typer

from libs.rest.deliveries import DeliveryDetail
from services.cli.desk import HEAR, Customer, Desk, Limit, command, page
from services.cli.say import Column, plain
from services.cli.when import ago

DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY_ID", help="dlv_…")]
Endpoint = Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT_ID")]
Event = Annotated[str | None, typer.Option("--event", metavar="EVENT_ID")]

COLUMNS: Final = (
    Column("delivery", lambda d: d.id),
    Column("state", lambda d: d.state),
    Column("tries", lambda d: d.tries, right=True),
    Column("last", lambda d: d.last_status or d.last_error, gives=True),
    Column("event", lambda d: d.event_type, gives=True),
)
TRIES: Final = (
    Column("at", lambda a: plain(a.at)[5:19]),
    Column("answer", lambda a: a.status or a.error),
    Column("ms", lambda a: a.ms, right=True),
    Column("next", lambda a: plain(a.next_at)[5:16]),
    Column("why", lambda a: a.detail or a.why, gives=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="deliveries", help="Events on their way to endpoints.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(show)
    command(group)(redeliver)
    command(group)(attempts)
    app.add_typer(group, rich_help_panel=HEAR)


def listed(
    desk: Desk,
    endpoint: Endpoint = None,
    event: Event = None,
    state: Annotated[str | None, typer.Option(help="pending, delivered or exhausted.")] = None,
    customer: Customer = None,
    limit: Limit = 20,
) -> None:
    """List deliveries, newest first."""
    found = desk.client.deliveries.list(
        endpoint_id=endpoint, event_id=event, state=state, customer_id=customer, limit=page(limit)
    )
    desk.say.rows(islice(found, limit), COLUMNS, empty="No deliveries.")


def show(desk: Desk, delivery: DeliveryId) -> None:
    """Show one delivery and every try of it."""
    _tell(desk, desk.client.deliveries.get(delivery))


def redeliver(desk: Desk, delivery: DeliveryId) -> None:
    """Send one again, whatever became of it before."""
    _tell(desk, desk.client.deliveries.redeliver(delivery))


def attempts(
    desk: Desk,
    endpoint: Endpoint = None,
    event: Event = None,
    status: Annotated[int | None, typer.Option(min=100, max=599)] = None,
    failed: Annotated[bool | None, typer.Option("--failed/--succeeded", show_default=False)] = None,
    text: Annotated[str | None, typer.Option(help="Words in the error or answer of a failed one.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="2h, 3d, or a time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME")] = None,
    customer: Customer = None,
    limit: Limit = 20,
) -> None:
    """Search every try of every delivery.

    \b
    Examples:
      clipwire deliveries attempts --failed --since 2h
      clipwire deliveries attempts --endpoint end_… --text timeout
    """
    found = desk.client.attempts.list(
        endpoint_id=endpoint, event_id=event, status=status, failed=failed, text=text,
        since=since and ago(since), until=until and ago(until),
        customer_id=customer, limit=page(limit),
    )  # fmt: skip
    columns = (Column("delivery", lambda a: a.delivery_id), *TRIES)
    desk.say.rows(islice(found, limit), columns, empty="No attempts.")


def _tell(desk: Desk, delivery: DeliveryDetail) -> None:
    pairs: list[tuple[str, Any]] = [(name.replace("_", " "), value) for name, value in delivery if name != "attempts"]
    desk.say.thing(delivery, pairs)
    if not desk.say.as_json and delivery.attempts:
        desk.say.rows(delivery.attempts, TRIES)
