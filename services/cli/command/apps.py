"""Customers' own TikTok apps. Their secrets are typed or piped, never an argument: those stand in histories."""

import sys
from itertools import islice
from typing import Annotated, Any, Final

import typer

from services.cli.desk import MANAGE, Customer, Desk, Limit, command, flag, page
from services.cli.ending import USAGE, Ended
from services.cli.say import Column

AppId = Annotated[str, typer.Argument(metavar="APP_ID", help="app_…")]
Audited = Annotated[bool | None, typer.Option("--audited/--unaudited", help="Whether TikTok has audited it.")]
Piped = Annotated[bool, flag("--secrets-stdin", help="Read one or two secrets, newest first, a line each.")]

COLUMNS: Final = (
    Column("app", lambda a: a.id),
    Column("customer", lambda a: a.customer_id),
    Column("client key", lambda a: a.client_key, gives=True),
    Column("audited", lambda a: a.audited),
    Column("secrets", lambda a: a.live_secrets, right=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="apps", help="Customers' own TikTok apps.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(create)
    command(group)(show)
    command(group)(change)
    app.add_typer(group, rich_help_panel=MANAGE)


def listed(desk: Desk, customer: Customer = None, limit: Limit = 50) -> None:
    """List customers' own apps; the operator's is a setting."""
    found = desk.client.apps.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), COLUMNS, empty="No customer has an app of its own.")


def create(
    desk: Desk,
    client_key: Annotated[str, typer.Argument(help="As TikTok's portal shows it.")],
    customer: Customer = None,
    secrets_stdin: Piped = False,
    audited: Audited = None,
) -> None:
    """Let a customer connect accounts by an app of its own. The secret is asked for, and never shown.

    \b
    Examples:
      clipwire apps create awx1… --customer cus_… --audited
      pass tiktok | clipwire apps create awx1… --secrets-stdin
    """
    wish: dict[str, Any] = {"customer_id": owner} if (owner := desk.owner(customer)) else {}
    wish |= {"audited": audited} if audited is not None else {}
    made = desk.client.apps.create(client_key=client_key, client_secrets=_secrets(secrets_stdin), **wish)
    desk.say.thing(made)
    desk.say.note(f"Register {made.callback_url} as its redirect URI at TikTok.")


def show(desk: Desk, app: AppId) -> None:
    """Show one app, never its secrets."""
    desk.say.thing(desk.client.apps.get(app))


def change(
    desk: Desk,
    app: AppId,
    new_secret: Annotated[bool, flag("--new-secret", help="Ask for its secrets anew.")] = False,
    secrets_stdin: Piped = False,
    audited: Audited = None,
) -> None:
    """Say that TikTok has audited it, or give it other secrets: two while one takes over from the other.

    \b
    Examples:
      clipwire apps change app_… --audited
      clipwire apps change app_… --new-secret
    """
    wish: dict[str, Any] = {"audited": audited} if audited is not None else {}
    if new_secret or secrets_stdin:
        wish["client_secrets"] = _secrets(secrets_stdin)
    if not wish:
        raise Ended("Nothing was to be changed.", code=USAGE, remedy="Give --audited, --unaudited or --new-secret.")
    desk.say.thing(desk.client.apps.change(app, **wish))


def _secrets(piped: bool) -> tuple[str, ...]:
    """Newest first."""
    if piped:
        given = tuple(line.strip() for line in sys.stdin if line.strip())
    else:
        newest = typer.prompt("Client secret", hide_input=True, err=True)
        older = typer.prompt("The one it takes over from, if that is live", hide_input=True, default="",
                             show_default=False, err=True)  # fmt: skip
        given = (newest, older) if older else (newest,)
    if not 1 <= len(given) <= 2:
        raise Ended("One or two secrets are needed.", code=USAGE)
    return given
