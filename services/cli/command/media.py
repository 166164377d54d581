"""Files that are kept for posts."""

from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from libs.rest.media import MediaAnswer
from services.cli.bar import Bar
from services.cli.desk import PUBLISH, Customer, Desk, Limit, command, flag, page
from services.cli.ending import USAGE, Ended
from services.cli.say import Column, plain

COLUMNS: Final = (
    Column("media", lambda m: m.id),
    Column("type", lambda m: m.content_type),
    Column("bytes", lambda m: m.size, right=True),
    Column("state", lambda m: m.state),
    Column("made", lambda m: plain(m.created_at)[5:16], gives=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="media", help="Files kept for posts.", no_args_is_help=True)
    command(group)(upload)
    command(group, "list")(listed)
    command(group)(show)
    command(group)(delete)
    app.add_typer(group, rich_help_panel=PUBLISH)


def upload(
    desk: Desk,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files, or https URLs that the server fetches.")],
    customer: Customer = None,
) -> None:
    """Upload files, to be posted by their ids.

    \b
    Examples:
      clipwire media upload clip.mp4
      clipwire post $(clipwire media upload clip.mp4 | cut -f1) -a @anna -p self
    """
    local = [file for file in files if not _is_url(file)]
    if missing := [file for file in local if not Path(file).is_file()]:
        raise Ended(f"There is no file {missing[0]}.", code=USAGE)
    with Bar(desk.say, uploads=len(local)) as bar:
        made: list[MediaAnswer] = []
        try:
            for file in files:
                made.append(_kept(desk, file, desk.owner(customer), bar))
            bar.part(1, 1, "uploaded" if local else "asked for")
        except BaseException:
            if made:
                desk.say.rows(made, COLUMNS)  # those are there, whatever became of the next
            raise
    desk.say.rows(made, COLUMNS)


def _kept(desk: Desk, file: str, owner: str | None, bar: Bar) -> MediaAnswer:
    if not _is_url(file):
        return desk.client.media.upload(file, customer_id=owner, progress=bar.upload(Path(file).name))
    wish = {"customer_id": owner} if owner else {}
    return desk.client.media.by_url(url=file, **wish)


def _is_url(file: str) -> bool:
    return file.startswith(("http://", "https://"))


def listed(desk: Desk, customer: Customer = None, limit: Limit = 20) -> None:
    """List files, newest first."""
    found = desk.client.media.list(customer_id=customer, limit=page(limit))
    desk.say.rows(islice(found, limit), COLUMNS, empty="No files.")


def show(desk: Desk, media: Annotated[str, typer.Argument(metavar="MEDIA_ID", help="med_…")]) -> None:
    """Show one file and what was found in it."""
    found: MediaAnswer = desk.client.media.get(media)
    apart = ("probe", "progress", "problem", "renditions")
    pairs = [(name.replace("_", " "), value) for name, value in found if name not in apart]
    if found.progress is not None:
        pairs.append(("here", f"{found.progress.received} of {found.progress.expected or '?'} bytes"))
    pairs += [("why", (found.problem or {}).get("detail")), ("made of it", [one.media_id for one in found.renditions])]
    desk.say.thing(found, [*pairs, *((f"· {name}", value) for name, value in (found.probe or {}).items())])


def delete(
    desk: Desk,
    media: Annotated[list[str], typer.Argument(metavar="MEDIA_ID…", help="med_…")],
    yes: Annotated[bool, flag("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete files and what was made of them. One that a post still needs stays, and is said to."""
    if not yes and not desk.say.as_json:
        typer.confirm(f"Delete {', '.join(media)}?", abort=True, err=True)
    desk.say.rows([desk.client.media.delete(one) for one in media], COLUMNS)
