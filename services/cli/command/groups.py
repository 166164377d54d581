"""Groups: a place for one account, such as a brand."""

from itertools import islice
from typing import Annotated, Final

import typer

from services.cli.command.accounts import find
from services.cli.desk import PUBLISH, Customer, Desk, Limit, command, page
from services.cli.say import Column

GroupId = Annotated[str, typer.Argument(metavar="GROUP_ID", help="grp_…")]

COLUMNS: Final = (
    Column("group", lambda g: g.id),
    Column("name", lambda g: g.name, gives=True),
    Column("account", lambda g: g.account_id),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="groups", help="Groups: each a place for one account.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(create)
    command(group)(rename)
    command(group)(place)
    command(group)(delete)
    app.add_typer(group, rich_help_panel=PUBLISH)


def listed(desk: Desk, customer: Customer = None, limit: Limit = 50) -> None:
    """List groups and the account each holds."""
    found = desk.client.groups.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), COLUMNS, empty="No groups.")


def create(desk: Desk, name: Annotated[str, typer.Argument()], customer: Customer = None) -> None:
    """Make an empty group."""
    owner = desk.owner(customer)
    wish = {"customer_id": owner} if owner else {}
    desk.say.thing(desk.client.groups.create(name=name, **wish))


def rename(desk: Desk, group: GroupId, name: Annotated[str, typer.Argument()]) -> None:
    """Give a group another name."""
    desk.say.thing(desk.client.groups.rename(group, name=name))


def place(
    desk: Desk,
    group: Annotated[str, typer.Argument(metavar="GROUP_ID", help="grp_…, or `none`.")],
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="acc_…, or @username.")],
    customer: Customer = None,
) -> None:
    """Put an account into a group, or with `none` out of the one it is in."""
    found = find(desk, account, customer)
    desk.say.thing(desk.client.accounts.change(found.id, group_id=None if group == "none" else group))


def delete(desk: Desk, group: GroupId) -> None:
    """Remove a group, and every grant that named it; its account stays."""
    desk.say.thing(desk.client.groups.delete(group))
