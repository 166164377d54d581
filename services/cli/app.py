"""The commands, wired. One module per group in `command`; each knows its own."""

import typer

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

app = typer.Typer(
    name="clipwire",
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
