"""What runs on this machine, and not through the API: other programs, begun in this one's place."""

import os
import sys
from pathlib import Path
from typing import Final

import typer

import services
from services.cli.desk import HERE, Desk, command

UP: Final = "deploy.local"
SIMULATOR: Final = "services.simulator"
HOLD: Final = "libs.store.hold"
ROOT: Final = Path(services.__file__).parents[1]


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=HERE)(up)
    command(app, rich_help_panel=HERE)(simulate)
    command(app, "restore-hold", rich_help_panel=HERE)(restore_hold)


def up(desk: Desk) -> None:
    """Start everything on this machine, with a simulated TikTok; Ctrl-C stops it, the data stays in .clipwire.

    The same as `make run`. Afterwards the other commands find it by themselves, in this folder and below.
    """
    _become(UP)


def simulate(desk: Desk) -> None:
    """Start TikTok in a box alone, on port 8090 (SIMULATOR_PORT). Its page is at /_sim/."""
    _become(SIMULATOR)


def restore_hold(desk: Desk) -> None:
    """After restoring a backup, before any program is started: hold every unfinished post until TikTok was asked.

    Needs DATABASE_URL and CLIPWIRE_ENCRYPTION_KEYS. Held twice is held once.
    """
    _become(HOLD)


def _become(module: str) -> None:
    """This process goes on as that program: its signals, its output and its exit code are the command's."""
    sys.stdout.flush()
    sys.stderr.flush()
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    # -P: a folder that has modules of these names itself is not what is meant.
    os.execve(sys.executable, [sys.executable, "-P", "-m", module], os.environ | {"PYTHONPATH": path})  # noqa: S606
