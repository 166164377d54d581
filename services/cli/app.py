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

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        alone = standalone_mode and "--json" not in given
        try:
            code = super().main(args, prog_name, complete_var, alone, windows_expand_args, **extra)
        except typer.Abort:
            sys.exit(1)
        except Exception as error:
            message = getattr(error, "format_message", None)
            if not standalone_mode or message is None:
                raise
            sys.exit(wrong_use(message()))
        if not standalone_mode:
            return code
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
