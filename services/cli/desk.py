"""What every command works with: the client, the way it speaks, the options that all have."""

import functools
import inspect
import os
import sys
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Annotated, Any, Concatenate, Final, ParamSpec, Self

import typer

from libs.rest.client import Clipwire, Retries
from services.cli.ending import EXPECTED, INTERRUPTED, UNREAD, USAGE, Ended, end
from services.cli.place import Place, find_place
from services.cli.say import Say

P = ParamSpec("P")

PAGE_MAX: Final = 200
PATIENCE: Final = Retries(tries=3, first_s=0.3)
"""Somebody sits and waits: where nobody answers, this is said within a second or so."""
EVERYWHERE: Final = "Everywhere"
PUBLISH: Final = "Publish"
HEAR: Final = "Hear what became of it"
MANAGE: Final = "Who may, and who did"
HERE: Final = "This machine"
"""Headings of the commands."""

Customer = Annotated[
    str | None,
    typer.Option("--customer", metavar="CUSTOMER_ID", help="Whose. Only an operator's key may name another."),
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="At most so many.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help="Give up waiting after so long.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="JSON on stdout, for programs.", metavar="", rich_help_panel=EVERYWHERE)
]
ApiUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The API; else CLIPWIRE_URL, `clipwire login`, or a `make run` here.",
        rich_help_panel=EVERYWHERE,
    ),
]


class Desk:
    """Opened around every command; closes its client when that ends."""

    def __init__(self, *, url: str | None, as_json: bool) -> None:
        self.named_url = url
        self.say = Say(as_json=as_json)

    @cached_property
    def place(self) -> Place:
        return find_place(self.named_url, os.environ)

    @cached_property
    def client(self) -> Clipwire:
        try:
            return Clipwire(self.place.url, self.place.key, retries=PATIENCE)
        except ValueError as error:
            raise Ended(str(error), code=USAGE) from None

    def owner(self, named: str | None) -> str | None:
        """Whose a new thing will be: the one named, else whom this place is about."""
        return named or self.place.customer_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "client" in vars(self):
            self.client.close()


def page(limit: int) -> int:
    """How large pages to ask for, to show so many."""
    return min(limit, PAGE_MAX)


def told(doc: str) -> str:
    """A docstring as help: paragraphs flow, but for those that begin with a backspace, as examples do."""
    return "\n\n".join(
        part.removeprefix("\b\n") if part.startswith("\b") else part.replace("\n", " ") for part in doc.split("\n\n")
    )


def flag(*names: str, help: str, panel: str | None = None) -> Any:
    """An option that is there or not."""
    return typer.Option(*names, help=help, metavar="", rich_help_panel=panel, show_default=False)


def command(
    group: typer.Typer, name: str | None = None, **more: Any
) -> Callable[[Callable[Concatenate[Desk, P], None]], Callable[Concatenate[Desk, P], None]]:
    """Makes a function a command: its first parameter is the desk, its others are options; `--json` and `--url` come
    besides, and its errors end in words and an exit code."""

    def register(work: Callable[Concatenate[Desk, P], None]) -> Callable[Concatenate[Desk, P], None]:
        @functools.wraps(work)
        def run(as_json: bool, api_url: str | None, *args: P.args, **given: P.kwargs) -> None:
            with Desk(url=api_url, as_json=as_json) as desk:
                try:
                    work(desk, *args, **given)
                except KeyboardInterrupt:
                    desk.say.note("Interrupted.")
                    raise typer.Exit(INTERRUPTED) from None
                except BrokenPipeError:
                    _nobody_reads()
                    raise typer.Exit(UNREAD) from None
                except EXPECTED as error:
                    raise typer.Exit(end(error, desk.say)) from None

        own = list(inspect.signature(work).parameters.values())[1:]
        common = [_keyword("as_json", AsJson, False), _keyword("api_url", ApiUrl, None)]
        keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
        shown = inspect.Signature(keywords + common)
        run.__signature__ = shown  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in shown.parameters.values()}
        del run.__wrapped__  # typer would look through it
        group.command(name, help=told(inspect.getdoc(work) or ""), **more)(run)
        return work

    return register


def _nobody_reads() -> None:
    """Whoever read our output has seen enough (`| head`): what is still to be flushed goes nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except OSError:
        pass  # not a file: nothing will be flushed into a pipe
    finally:
        os.close(nowhere)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
