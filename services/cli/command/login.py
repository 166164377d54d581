"""Who one is, and where."""

import os
import sys
from typing import Annotated

import typer

from libs.rest.client import Clipwire, Refused
from services.cli.desk import MANAGE, Customer, Desk, command, flag
from services.cli.ending import USAGE, Ended
from services.cli.place import Place, config_path, keep

DEFAULT_URL = "http://127.0.0.1:8080"


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=MANAGE)(login)
    command(app, rich_help_panel=MANAGE)(logout)
    command(app, rich_help_panel=MANAGE)(whoami)


def login(
    desk: Desk,
    customer: Customer = None,
    key_stdin: Annotated[bool, flag("--key-stdin", help="Read the key from stdin, for scripts.")] = False,
    simulator: Annotated[
        str | None, typer.Option("--simulator", metavar="URL", help="Where its simulator is, for `trigger`.")
    ] = None,
) -> None:
    """Keep an API's address and a key for it, readable by you alone.

    The key is asked for and tried before it is kept; it is never an argument, because those are seen by others.
    CLIPWIRE_URL and CLIPWIRE_KEY win over what is kept.

    \b
    Examples:
      clipwire login --url https://clipwire.example.com
      pass show cw | clipwire login --url https://cw.example.com --key-stdin
    """
    url = desk.named_url or os.environ.get("CLIPWIRE_URL") or _asked_url()
    key = sys.stdin.readline(4096).strip() if key_stdin else typer.prompt("Key (cw_…)", hide_input=True, err=True)
    try:
        client = Clipwire(url, key, timeout=20)
    except ValueError as error:
        raise Ended(str(error), code=USAGE) from None
    with client:
        _try(client)
    path = config_path(os.environ)
    keep(Place(url.rstrip("/"), key, customer, simulator), path)
    desk.say.note(f"Logged in to {url}; kept in {path}.")
    if desk.say.as_json:
        desk.say.line({"url": url, "path": str(path)})


def logout(desk: Desk) -> None:
    """Forget what `login` kept. The key itself stays good: `clipwire keys revoke` ends it."""
    path = config_path(os.environ)
    known = path.exists()
    path.unlink(missing_ok=True)
    desk.say.note(f"Forgotten: {path}." if known else "Nobody was logged in.")


def whoami(desk: Desk) -> None:
    """Show which API commands speak to, and where that was found. Never the key."""
    place = desk.place
    pairs = {"url": place.url, "key": f"{place.key[:6]}…", "customer_id": place.customer_id, "found_in": place.origin}
    desk.say.thing(pairs)


def _asked_url() -> str:
    return str(typer.prompt("API", default=DEFAULT_URL, err=True))


def _try(client: Clipwire) -> None:
    """Whether the key opens anything: a grant that it lacks is no reason to refuse it."""
    try:
        client.capabilities.get()
    except Refused as refused:
        if refused.problem.status != 403:
            raise
