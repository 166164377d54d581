"""The commands, wired. One module per group in `command`; each knows its own."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from services.cli.command import (
    access,
    accounts,
    apps,
    consumers,
    deliveries,
    doctor,
    endpoints,
    groups,
    here,
    imports,
    listen,
    login,
    media,
    post,
    posts,
    replays,
    trigger,
)
from services.cli.desk import told
from services.cli.ending import wrong_use

ABOUT = """Publish to TikTok for your customers, and hear what became of it.

\b
Try it without TikTok: start everything here, and in another terminal
  clipwire up
  clipwire post clip.mp4 -t Hello -p self
  clipwire listen --from-beginning

\b
With a server of your own:
  clipwire login --url https://clipwire.example.com
  clipwire accounts connect

Every command takes --json: answers on stdout, everything else on stderr. Exit codes: 0 done, 1 refused, 2 wrong use,
3 nobody answers, 4 time is over, 130 interrupted.
"""


class Commands(TyperGroup):
    """All of them. With --json a wrong command line is told as every other problem is, not drawn in a box."""

    def main(self, args: Sequence[str] | None = None, *more: Any, standalone_mode: bool = True, **rest: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        if not standalone_mode or "--json" not in given:
            return super().main(args, *more, standalone_mode=standalone_mode, **rest)
        try:
            code = super().main(args, *more, standalone_mode=False, **rest)
        except Exception as error:
            if (message := getattr(error, "format_message", None)) is None:
                raise
            sys.exit(wrong_use(message()))
        sys.exit(code or 0)


app = typer.Typer(
    name="clipwire",
    cls=Commands,
    help=told(ABOUT),
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its traces show the values of variables, and keys are values
    context_settings={"help_option_names": ["-h", "--help"]},
)

for part in (
    post, accounts, posts, media, imports, groups,
    listen, consumers, endpoints, deliveries, replays, trigger,
    login, access, apps,
    here, doctor,
):  # fmt: skip
    part.add(app)


def main() -> None:
    """The `clipwire` command."""
    app(prog_name="clipwire")
