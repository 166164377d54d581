"""Posts from a spreadsheet."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.cli.desk import PUBLISH, Customer, Desk, command, flag
from services.cli.ending import Ended
from services.cli.say import Column

ROWS: Final = (
    Column("row", lambda r: r.row, right=True),
    Column("outcome", lambda r: r.outcome),
    Column("post", lambda r: r.post_ids),
    Column("what is wrong", lambda r: _wrong(r.problem or {}), gives=True, wraps=True),
)


def add(app: typer.Typer) -> None:
    command(app, "import", rich_help_panel=PUBLISH)(imported)


def imported(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="CSV", exists=True, dir_okay=False, readable=True)],
    dry_run: Annotated[bool, flag("--dry-run", help="Check every row, make nothing.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="Rows are known by this name and their number.")] = None,
    customer: Customer = None,
) -> None:
    """Make a post of every row of a CSV file whose header names fields of a post.

    Sending a file again, whole or mended, makes nothing twice. Ends with code 1 when a row was refused; the others were
    made all the same.

    \b
    Examples:
      clipwire import posts.csv --dry-run
      clipwire import posts.csv --json | jq '.rows[].problem'
    """
    client = desk.client if key is None else desk.client.with_options(idempotency_key=key)
    answer = client.imports.create(file, dry_run=dry_run, customer_id=desk.owner(customer))
    if desk.say.as_json:
        desk.say.line(answer, indent=2)
    else:
        desk.say.rows(answer.rows, ROWS, empty="The file has no rows.")
        counts = {name: getattr(answer, name) for name in ("made", "exists", "valid", "refused")}
        desk.say.note(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "Nothing to do.")
    if answer.refused:
        raise Ended(
            f"{answer.refused} of {answer.total} rows were refused.", remedy="Mend them and send the file again."
        )


def _wrong(problem: dict[str, Any]) -> str:
    errors = problem.get("errors") or []
    said = [f"{one.get('column') or one.get('field')}: {one.get('detail')}" for one in errors]
    return " ".join(said) or str(problem.get("detail", ""))
