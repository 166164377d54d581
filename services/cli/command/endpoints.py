"""Where a customer hears, and how."""

from itertools import islice
from typing import Annotated, Any, Final

import typer

from libs.rest.endpoints import EndpointAnswer
from services.cli.desk import HEAR, Customer, Desk, Limit, command, flag, page
from services.cli.say import Column

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT_ID", help="end_…")]
Events = Annotated[
    list[str] | None, typer.Option("--event", "-e", metavar="TYPE", help="post.published, post.*, or *; repeat it.")
]
Retry = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="Waits before each try, such as 0,5,300; the first is 0.")
]
Within = Annotated[float | None, typer.Option(metavar="SECONDS", min=1, max=60, help="To answer in; else it failed.")]
AtOnce = Annotated[int | None, typer.Option(metavar="N", min=1, help="Requests at once.")]
DisableAfter = Annotated[
    float | None, typer.Option(metavar="DAYS", min=0.05, max=30, help="Of failing before it is disabled.")
]

COLUMNS: Final = (
    Column("endpoint", lambda e: e.id),
    Column("state", lambda e: e.state),
    Column("events", lambda e: e.events, gives=True),
    Column("url", lambda e: e.url, gives=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="endpoints", help="Webhook endpoints.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(create)
    command(group)(show)
    command(group)(change)
    command(group)(rotate)
    command(group)(test)
    command(group)(enable)
    command(group)(disable)
    command(group)(delete)
    command(group, "public-keys")(public_keys)
    app.add_typer(group, rich_help_panel=HEAR)


def listed(desk: Desk, customer: Customer = None, limit: Limit = 50) -> None:
    """List endpoints, newest first."""
    found = desk.client.endpoints.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), COLUMNS, empty="No endpoints: `clipwire endpoints create URL`.")


def create(
    desk: Desk,
    url: Annotated[str, typer.Argument(help="https, and reachable from the server.")],
    event: Events = None,
    description: Annotated[str, typer.Option()] = "",
    account: Annotated[list[str] | None, typer.Option(metavar="ACCOUNT_ID", help="Only of these; repeat it.")] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent along; repeat it.")] = None,
    thin: Annotated[bool, flag("--thin", help="Send ids only.")] = False,
    ordered: Annotated[bool, flag("--ordered", help="Each account's events one after the other.")] = False,
    ed25519: Annotated[bool, flag("--ed25519", help="Sign with v1a besides v1.")] = False,
    rate: Annotated[float | None, typer.Option(metavar="PER_SECOND", help="At most so many a second.")] = None,
    retry: Retry = None,
    answer_within: Within = None,
    at_once: AtOnce = None,
    disable_after: DisableAfter = None,
    customer: Customer = None,
) -> None:
    """Register an endpoint. Its signing secret is shown this once.

    \b
    Examples:
      clipwire endpoints create https://hooks.example.com/x -e 'post.*'
      clipwire endpoints create https://hooks.example.com --json | jq -r .secret
    """
    wish: dict[str, Any] = {
        "customer_id": desk.owner(customer),
        "description": description,
        "accounts": account or (),
        "headers": dict(_header(one) for one in header or []),
        "payload": "thin" if thin else "full",
        "ordering": "account" if ordered else "none",
        "signatures": ("v1", "v1a") if ed25519 else ("v1",),
    }
    wish |= {"rate_per_s": rate} if rate is not None else {}
    wish |= _manners(retry, answer_within, at_once, disable_after)
    made = desk.client.endpoints.create(url=url, events=event or ("*",), **wish)
    desk.say.thing(made, [("endpoint", made.id), ("url", made.url), ("events", made.events), ("secret", made.secret)])
    desk.say.note("Keep the secret now: it is not shown again.")


def show(desk: Desk, endpoint: EndpointId) -> None:
    """Show one endpoint, without its secret."""
    _tell(desk, desk.client.endpoints.get(endpoint))


def change(
    desk: Desk,
    endpoint: EndpointId,
    url: Annotated[str | None, typer.Option("--to", metavar="URL", help="Another address.")] = None,
    event: Events = None,
    description: Annotated[str | None, typer.Option()] = None,
    account: Annotated[list[str] | None, typer.Option(metavar="ACCOUNT_ID", help="Only of these; repeat it.")] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="In place of all there were.")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="PER_SECOND", help="0: no limit.")] = None,
    retry: Retry = None,
    answer_within: Within = None,
    at_once: AtOnce = None,
    disable_after: DisableAfter = None,
) -> None:
    """Change what is given; what waits goes out in the new way."""
    wish: dict[str, Any] = {"url": url, "events": event or None, "description": description}
    wish |= {"accounts": account or None, "headers": dict(_header(one) for one in header) if header else None}
    given = {name: value for name, value in wish.items() if value is not None}
    given |= _manners(retry, answer_within, at_once, disable_after)
    if rate is not None:
        given["rate_per_s"] = rate or None
    _tell(desk, desk.client.endpoints.change(endpoint, **given))


def rotate(
    desk: Desk,
    endpoint: EndpointId,
    overlap: Annotated[float, typer.Option(metavar="DAYS", min=0, max=30, help="How long older keys sign, too.")] = 1.0,
) -> None:
    """Make new signing keys. The new secret is shown this once; accept both until the overlap is over."""
    made = desk.client.endpoints.rotate(endpoint, overlap_days=overlap)
    desk.say.thing(made, [("endpoint", made.id), ("secret", made.secret)])


def test(desk: Desk, endpoint: EndpointId) -> None:
    """Send a webhook.test event."""
    sent = desk.client.endpoints.test(endpoint)
    desk.say.thing(sent)
    desk.say.note(f"`clipwire deliveries list --event {sent.event_id}` tells what became of it.")


def enable(desk: Desk, endpoint: EndpointId) -> None:
    """Let events flow again, those kept meanwhile first."""
    _tell(desk, desk.client.endpoints.enable(endpoint))


def disable(desk: Desk, endpoint: EndpointId) -> None:
    """Stop sending; events are kept until it is enabled."""
    _tell(desk, desk.client.endpoints.disable(endpoint))


def delete(
    desk: Desk, endpoint: EndpointId, yes: Annotated[bool, flag("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete an endpoint and its keys. What waits for it is not sent; what was sent can still be looked at."""
    if not yes and not desk.say.as_json:
        typer.confirm(f"Delete {desk.client.endpoints.get(endpoint).url}?", abort=True, err=True)
    gone = desk.client.endpoints.delete(endpoint)
    desk.say.thing(gone, [("endpoint", gone.id), ("url", gone.url), ("state", gone.reason)])


def public_keys(desk: Desk, endpoint: EndpointId) -> None:
    """Show the keys that verify v1a signatures."""
    found = desk.client.endpoints.public_keys(endpoint)
    columns = (Column("public key", lambda k: k.public_key), Column("until", lambda k: k.signs_until))
    desk.say.rows(found.keys, columns, empty="It signs with v1 only.")


def _tell(desk: Desk, endpoint: EndpointAnswer) -> None:
    pairs = [(name.replace("_", " "), value) for name, value in endpoint if name != "signing_keys"]
    keys = [(f"key {n}", f"{key.signature}{f', until {key.signs_until:%Y-%m-%d %H:%M}' if key.signs_until else ''}")
            for n, key in enumerate(endpoint.signing_keys, 1)]  # fmt: skip
    desk.say.thing(endpoint, [*pairs, *keys])


def _manners(
    retry: str | None, answer_within: float | None, at_once: int | None, disable_after: float | None
) -> dict[str, Any]:
    """How it is spoken to, as far as that was said."""
    wish = {
        "schedule_s": _waits(retry) if retry is not None else None,
        "timeout_s": answer_within,
        "concurrency": at_once,
        "disable_after_days": disable_after,
    }
    return {name: value for name, value in wish.items() if value is not None}


def _waits(said: str) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in said.split(","))
    except ValueError:
        raise typer.BadParameter("written as 0,5,300: seconds before each try", param_hint="--retry") from None


def _header(said: str) -> tuple[str, str]:
    name, colon, value = said.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter("written as 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()
