"""The commands, wired. One module per group in `command`; each knows its own."""

import typer

from services.cli.command import (
    access,
    accounts,
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

ABOUT = """Publish to TikTok for your customers, and hear what became of it.

\b
Try it without TikTok, in one minute:
  clipwire up                                    starts everything on this machine; in another terminal:
  clipwire post clip.mp4 --title Hello --privacy self
  clipwire listen                                shows the events as they come

\b
With a server of your own:
  clipwire login --url https://clipwire.example.com
  clipwire accounts connect

\b
Every command takes --json: answers on stdout, everything else on stderr.
Exit codes: 0 done, 1 refused, 2 wrong use, 3 nobody answers, 4 time is over, 130 interrupted.
"""

app = typer.Typer(
    name="clipwire",
    help=ABOUT,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its traces show the values of variables, and keys are values
    context_settings={"help_option_names": ["-h", "--help"]},
)

login.add(app)
accounts.add(app)
post.add(app)
posts.add(app)
groups.add(app)
media.add(app)
endpoints.add(app)
deliveries.add(app)
replays.add(app)
imports.add(app)
listen.add(app)
trigger.add(app)
access.add(app)
here.add(app)
doctor.add(app)


def main() -> None:
    """The `clipwire` command."""
    app(prog_name="clipwire")
