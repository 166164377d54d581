"""Who may do what, and who did."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Final

import typer

from libs.model.key import Capability, Level
from libs.rest.keys import KeyAnswer, ScopedGrants
from services.cli.desk import MANAGE, Customer, Desk, Limit, command, flag, page
from services.cli.ending import USAGE, Ended
from services.cli.say import Column, plain
from services.cli.when import ago, ahead

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="key_…")]
Grants = Annotated[
    list[str] | None, typer.Option("--grant", "-g", metavar="WHAT=LEVEL", help="posts=full, or read; repeat it.")
]
Scoped = Annotated[
    list[str] | None,
    typer.Option(metavar="ID:WHAT=LEVEL", help="For one account or group: acc_…:posts=full; repeat it."),
]
Expires = Annotated[str | None, typer.Option(metavar="TIME", help="In 90d, or at 2027-05-01T00:00Z.")]
Rate = Annotated[int | None, typer.Option(min=1, metavar="PER_MINUTE", help="Calls a minute.")]

KEYS: Final = (
    Column("key", lambda k: k.id),
    Column("name", lambda k: k.name, gives=True),
    Column("state", lambda k: "revoked" if k.revoked_at else "expired" if _over(k) else "good"),
    Column("last used", lambda k: plain(k.last_used_at)[5:16] or "never"),
)
TOLD: Final = (
    Column("at", lambda a: plain(a.at)[5:19]),
    Column("decision", lambda a: a.decision),
    Column("what", lambda a: a.sentence, gives=True, wraps=True),
)
ABLE: Final = (
    Column("can", lambda c: c.supported),
    Column("what", lambda c: c.title, gives=True, wraps=True),
    Column("why not", lambda c: c.reason, gives=True, wraps=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="keys", help="API keys.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(create)
    command(group)(show)
    command(group)(change)
    command(group)(rotate)
    command(group)(revoke)
    app.add_typer(group, rich_help_panel=MANAGE)
    customers = typer.Typer(name="customers", help="Whom the operator posts for.", no_args_is_help=True)
    command(customers, "list")(customers_listed)
    command(customers, "create")(customer_made)
    command(customers, "show")(customer_shown)
    command(customers, "rename")(customer_renamed)
    command(customers, "quota")(customer_quota)
    app.add_typer(customers, rich_help_panel=MANAGE)
    command(app, rich_help_panel=MANAGE)(audit)
    command(app, rich_help_panel=MANAGE)(capabilities)


def listed(desk: Desk, customer: Customer = None, limit: Limit = 50) -> None:
    """List keys, newest first; never the keys themselves."""
    found = desk.client.keys.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), KEYS, empty="No keys.")


def create(
    desk: Desk,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    grant: Grants = None,
    scoped: Scoped = None,
    everything: Annotated[bool, flag("--everything", help="Every grant, full.")] = False,
    expires: Expires = None,
    rate: Rate = None,
    customer: Customer = None,
) -> None:
    """Make a key. What is not granted is off. The key is shown this once.

    An operator's key makes another operator's, which sees every customer, unless --customer says whose it is.

    \b
    Examples:
      clipwire keys create robot -g posts=full -g media=full --expires 90d
      clipwire keys create intern --scoped acc_…:posts=read
    """
    grants: dict[str, str] = {str(one): str(Level.FULL) for one in Capability} if everything else {}
    grants |= dict(_grant(one) for one in grant or [])
    wish: dict[str, Any] = {"grants": grants, "scoped": [_scoped(one) for one in scoped or []]}
    optional = {"customer_id": customer, "rate_per_minute": rate, "expires_at": ahead(expires) if expires else None}
    wish |= {field: value for field, value in optional.items() if value is not None}
    made = desk.client.keys.create(name=name, **wish)
    desk.say.thing(made, [("id", made.id), ("key", made.secret), ("grants", made.grants), ("expires", made.expires_at)])
    desk.say.note("Keep the key now: it is not shown again.")


def show(desk: Desk, key: KeyId) -> None:
    """Show what a key may do; never the key itself."""
    found = desk.client.keys.get(key)
    scoped = [(f"· {one.account_id or one.group_id}", f"{one.capability}={one.level}") for one in found.scoped]
    desk.say.thing(found, [*((n.replace("_", " "), v) for n, v in found if n != "scoped"), *scoped])


def change(
    desk: Desk,
    key: KeyId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    grant: Grants = None,
    scoped: Scoped = None,
    expires: Expires = None,
    rate: Rate = None,
) -> None:
    """Change what a key may do, from its next call on. --grant and --scoped each replace all there were of their kind.

    \b
    Examples:
      clipwire keys change key_… -g posts=read -g media=read
    """
    wish: dict[str, Any] = {"name": name, "rate_per_minute": rate, "expires_at": ahead(expires) if expires else None}
    wish |= {"grants": dict(_grant(one) for one in grant) if grant else None}
    wish |= {"scoped": [_scoped(one) for one in scoped] if scoped else None}
    given = {field: value for field, value in wish.items() if value is not None}
    if not given:
        raise Ended("Nothing was to be changed.", code=USAGE, remedy="Give --grant, --scoped, --expires or --rate.")
    desk.say.thing(desk.client.keys.change(key, **given))


def rotate(
    desk: Desk,
    key: KeyId,
    grace: Annotated[int, typer.Option(min=0, metavar="SECONDS", help="The former secret stays good so long.")] = 0,
) -> None:
    """Give a key another secret, shown this once."""
    made = desk.client.keys.rotate(key, grace_s=grace)
    desk.say.thing(made, [("id", made.id), ("key", made.secret)])


def revoke(desk: Desk, key: KeyId) -> None:
    """End a key, from the next request on."""
    desk.say.thing(desk.client.keys.revoke(key))


def customers_listed(desk: Desk, limit: Limit = 50) -> None:
    """List customers, newest first."""
    columns = (Column("customer", lambda c: c.id), Column("name", lambda c: c.name, gives=True))
    desk.say.rows(islice(desk.client.customers.list(limit=page(limit)), limit), columns, empty="No customers.")


def customer_made(desk: Desk, name: Annotated[str, typer.Argument()]) -> None:
    """Make a customer; an operator's key only."""
    desk.say.thing(desk.client.customers.create(name=name))


def customer_shown(desk: Desk, customer: Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="cus_…")]) -> None:
    """Show a customer and what it keeps of media."""
    desk.say.thing(desk.client.customers.get(customer))


def customer_renamed(
    desk: Desk,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="cus_…")],
    name: Annotated[str, typer.Argument()],
) -> None:
    """Give a customer another name. An operator's key only."""
    desk.say.thing(desk.client.customers.change(customer, name=name))


def customer_quota(
    desk: Desk,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="cus_…")],
    most_bytes: Annotated[str | None, typer.Option("--bytes", metavar="N|default", help="Of media.")] = None,
    most_files: Annotated[str | None, typer.Option("--files", metavar="N|default", help="Of media.")] = None,
) -> None:
    """Say how much media a customer may keep; `default` is the setting's. An operator's key only."""
    wish = {"media_bytes_max": most_bytes, "media_files_max": most_files}
    given = {name: _quota(said) for name, said in wish.items() if said is not None}
    if not given:
        raise Ended("Nothing was to be changed.", code=USAGE, remedy="Give --bytes or --files.")
    desk.say.thing(desk.client.customers.change(customer, **given))


def audit(
    desk: Desk,
    key: Annotated[str | None, typer.Option(metavar="KEY_ID", help="Who.")] = None,
    action: Annotated[str | None, typer.Option(help="What: posts.create, …")] = None,
    decision: Annotated[str | None, typer.Option(help="allowed, refused or failed.")] = None,
    subject: Annotated[str | None, typer.Option("--about", metavar="ID", help="To what: a post, a key, …")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From then on: 2h, 3d, or a time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")] = None,
    customer: Customer = None,
    limit: Limit = 20,
) -> None:
    """Tell who did what, and who was refused."""
    wish: dict[str, Any] = {"key_id": key, "action": action, "decision": decision, "subject": subject}
    wish |= {"since": ago(since) if since else None, "until": ago(until) if until else None}
    given = {name: value for name, value in wish.items() if value is not None}
    found = desk.client.audit.list(customer_id=customer, limit=page(limit), **given)
    desk.say.rows(islice(found, limit), TOLD, empty="Nothing was done.")


def capabilities(
    desk: Desk, unsupported: Annotated[bool, flag("--unsupported", help="Only what cannot be done.")] = False
) -> None:
    """List what TikTok lets an app do, and why not."""
    answer = desk.client.capabilities.get()
    if desk.say.as_json:
        desk.say.thing(answer)
        return
    desk.say.rows([one for one in answer.data if not (unsupported and one.supported)], ABLE)


def _grant(said: str) -> tuple[str, str]:
    what, equals, level = said.partition("=")
    if not equals:
        raise typer.BadParameter("written as WHAT=LEVEL", param_hint="--grant")
    return what, level


def _scoped(said: str) -> ScopedGrants | dict[str, Any]:
    place, colon, grant = said.partition(":")
    if not colon:
        raise typer.BadParameter("written as ID:WHAT=LEVEL", param_hint="--scoped")
    return {"group_id" if place.startswith("grp_") else "account_id": place, "grants": dict([_grant(grant)])}


def _quota(said: str) -> int | None:
    if said == "default":
        return None
    if not said.isdecimal():
        raise typer.BadParameter("a number, or `default`", param_hint="--bytes, --files")
    return int(said)


def _over(key: KeyAnswer) -> bool:
    return key.expires_at is not None and key.expires_at <= datetime.now(UTC)
