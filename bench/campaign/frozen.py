"""Freezing a whole server: what hangs answers nothing, refuses nothing and closes nothing. Needs Linux' /proc."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it has just ended
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def freeze(pid: int) -> None:
    """The parent first, so that it makes no more children meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    _tell(family(pid)[1:], signal.SIGSTOP)


def thaw(pid: int) -> None:
    """The children first, so that the parent finds them awake."""
    _tell(reversed(family(pid)), signal.SIGCONT)


def _tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
