"""TikTok accounts: connected, looked at, disconnected."""

import sys
import time
from itertools import islice
from typing import Annotated, Final

import typer

from libs.model.account import AccountState
from libs.model.connect import LINK_LIFE
from libs.rest.accounts import AccountAnswer
from services.cli.desk import PUBLISH, Customer, Desk, Limit, Timeout, command, flag, page
from services.cli.ending import TIMED_OUT, Ended
from services.cli.say import Column

LOOK_S: Final = 2.0
KNOWN_MAX: Final = 1000
NAMED_MAX: Final = 5
VIDEOS_MAX: Final = 20
"""TikTok shows so many at once."""
AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="acc_…, or @username.")]

COLUMNS: Final = (
    Column("account", lambda a: a.id),
    Column("creator", lambda a: f"@{a.username}" if a.username else a.display_name or a.open_id, gives=True),
    Column("state", lambda a: a.state),
    Column("missing scopes", lambda a: a.missing_scopes, gives=True),
)

VIDEOS: Final = (
    Column("video", lambda v: v.id),
    Column("views", lambda v: v.view_count, right=True),
    Column("likes", lambda v: v.like_count, right=True),
    Column("what", lambda v: v.video_description or v.title or "", gives=True),
    Column("post", lambda v: v.post_id or ""),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="accounts", help="TikTok accounts: connect, look at, disconnect.", no_args_is_help=True)
    command(group)(connect)
    command(group)(reconnect)
    command(group, "list")(listed)
    command(group)(show)
    command(group)(health)
    command(group)(creator)
    command(group)(profile)
    command(group)(videos)
    command(group)(disconnect)
    app.add_typer(group, rich_help_panel=PUBLISH)


def connect(
    desk: Desk,
    customer: Customer = None,
    again: Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="Connect this one again.")] = None,
    group: Annotated[str | None, typer.Option("--group", metavar="GROUP_ID", help="Put it into this group.")] = None,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Ask for these only; repeat it.")] = None,
    browser: Annotated[bool, flag("--browser/--no-browser", help="Open the link here.")] = True,
    wait: Annotated[bool, flag("--wait/--no-wait", help="Wait until the creator has agreed.")] = True,
    timeout: Timeout = 900.0,
) -> None:
    """Get a link for a creator, open it, and wait until the account is connected.

    The link works once, for fifteen minutes. Send it to the creator with --no-browser.

    \b
    Examples:
      clipwire accounts connect
      clipwire accounts connect --no-browser --scope video.upload
      clipwire accounts connect --account @anna        after TikTok asked for it
    """
    client, owner = desk.client, desk.owner(customer)
    account_id = find(desk, again, customer).id if again else None
    before = _known(desk, owner)
    wish = {"customer_id": owner, "account_id": account_id, "group_id": group, "scopes": scope or None}
    link = client.accounts.connect(**{name: value for name, value in wish.items() if value is not None})
    if not wait:
        if desk.say.as_json:
            desk.say.line(link, indent=2)
        else:
            print(link.auth_url)
        return
    desk.say.err.print(link.auth_url, soft_wrap=True)
    if browser and sys.stderr.isatty():
        typer.launch(link.auth_url)
    desk.say.note("Waiting for the creator; Ctrl-C stops waiting, the link stays good.")
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        now = _known(desk, owner)
        fresh = [account for id_, account in now.items() if id_ not in before or _newer(account, before[id_])]
        if fresh:
            desk.say.thing(fresh[0])
            return
        time.sleep(LOOK_S)
    raise Ended(f"Nobody agreed within {timeout:g} s.", code=TIMED_OUT, remedy="Get a new link and try again.")


def reconnect(
    desk: Desk,
    account: AccountId,
    customer: Customer = None,
    days: Annotated[int, typer.Option("--days", min=1, max=30, help="How long the link works.")] = LINK_LIFE.days,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Ask for these only; repeat it.")] = None,
) -> None:
    """Make a link to send to a creator whose account has to be connected again; its id and history stay.

    The link works for days, until the account is connected again. Nobody but its creator can use it.

    \b
    Examples:
      clipwire accounts reconnect @anna
      clipwire accounts reconnect acc_01j… --days 2 --json
    """
    id_ = find(desk, account, customer).id
    made = desk.client.accounts.reconnect(id_, link_days=days, scopes=tuple(scope) if scope else None)
    if desk.say.as_json:
        desk.say.line(made, indent=2)
        return
    print(made.link)
    desk.say.note(f"Send it to the creator; it works until {made.link_expires_at:%Y-%m-%d %H:%M} UTC.")


def listed(
    desk: Desk,
    state: Annotated[
        AccountState | None, typer.Option(help="Those to be connected again: reauthorization_required.")
    ] = None,
    customer: Customer = None,
    limit: Limit = 50,
) -> None:
    """List accounts, newest first."""
    found = list(islice(desk.client.accounts.list(customer_id=customer, state=state, limit=page(limit)), limit))
    desk.say.rows(found, COLUMNS, empty="No accounts: `clipwire accounts connect`.")
    if lacking := [account for account in found if account.reconnect]:
        names = ", ".join(f"@{account.username}" if account.username else account.id for account in lacking[:NAMED_MAX])
        more = f" and {len(lacking) - NAMED_MAX} more" if len(lacking) > NAMED_MAX else ""
        desk.say.note(f"To be connected again: {names}{more}.")
        desk.say.note("`clipwire accounts reconnect ACCOUNT` makes a link to send.")


def show(desk: Desk, account: AccountId, customer: Customer = None) -> None:
    """Show one account."""
    desk.say.thing(find(desk, account, customer))


def health(desk: Desk, account: AccountId, customer: Customer = None) -> None:
    """Say whether an account can be used, and what stands in the way."""
    answer = desk.client.accounts.health(find(desk, account, customer).id)
    desk.say.thing(answer)


def creator(desk: Desk, account: AccountId, customer: Customer = None) -> None:
    """Ask TikTok what the creator may post right now: privacy, length, what is switched off."""
    desk.say.thing(desk.client.accounts.creator(find(desk, account, customer).id))


def profile(desk: Desk, account: AccountId, customer: Customer = None) -> None:
    """Ask TikTok who the creator is, as far as the granted permissions show it."""
    desk.say.thing(desk.client.accounts.profile(find(desk, account, customer).id))


def videos(desk: Desk, account: AccountId, customer: Customer = None, limit: Limit = 20) -> None:
    """List the creator's public videos, newest first, and which posts made them."""
    found = desk.client.accounts.videos(find(desk, account, customer).id, limit=min(limit, VIDEOS_MAX))
    desk.say.rows(islice(found, limit), VIDEOS, empty="No public videos.")


def disconnect(
    desk: Desk,
    account: AccountId,
    customer: Customer = None,
    keep_grant: Annotated[bool, flag("--keep-grant", help="Forget the tokens here only.")] = False,
    yes: Annotated[bool, flag("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Revoke the grant at TikTok and forget its tokens; the account's id and history stay."""
    found = find(desk, account, customer)
    name = f"@{found.username}" if found.username else found.id
    if not yes and not desk.say.as_json:
        typer.confirm(f"Disconnect {name}?", abort=True, err=True)
    answer = desk.client.accounts.disconnect(found.id, revoke=not keep_grant)
    desk.say.thing(answer, [("account", answer.id), ("state", answer.state), ("at TikTok", answer.at_tiktok)])


def find(desk: Desk, named: str, customer: str | None = None) -> AccountAnswer:
    """The account of this id or @username. Raises `Ended` when there is none, or several."""
    if named.startswith("acc_"):
        return desk.client.accounts.get(named)
    wanted = named.removeprefix("@").lower()
    every = islice(desk.client.accounts.list(customer_id=desk.owner(customer), limit=200), KNOWN_MAX)
    found = [account for account in every if wanted in _names(account)]
    match found:
        case [one]:
            return one
        case []:
            raise Ended(f"No account is called @{wanted}.", remedy="`clipwire accounts list` shows which there are.")
        case _:
            ids = ", ".join(account.id for account in found)
            raise Ended(f"Several accounts are called @{wanted}.", remedy=f"Name one by its id: {ids}.")


def _names(account: AccountAnswer) -> set[str]:
    """What it may be called: a username is known only where the creator let us see it."""
    return {(name or "").lower() for name in (account.username, account.display_name, account.open_id)} - {""}


def _known(desk: Desk, owner: str | None) -> dict[str, AccountAnswer]:
    every = islice(desk.client.accounts.list(customer_id=owner, limit=200), KNOWN_MAX)
    return {account.id: account for account in every}


def _newer(account: AccountAnswer, before: AccountAnswer) -> bool:
    return account.granted_at > before.granted_at
