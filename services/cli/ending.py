"""How a command ends: an exit code that scripts rely on, and on stderr what to do about it.

0    done
1    refused, or it ended otherwise than asked
2    the command line is wrong, or nobody is logged in
3    nobody answered, or somebody who is no Clipwire
4    the time given is over
130  interrupted
141  whoever read the output has stopped
"""

import json
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from libs.rest.client import BadId, ClipwireError, NotPublished, Refused, TimedOut, Unreachable, Unreadable
from libs.rest.problem import ProblemAnswer
from services.cli.place import Unplaced
from services.cli.say import Say, clean

REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
TIMED_OUT: Final = 4
INTERRUPTED: Final = 130
UNREAD: Final = 141


class Ended(Exception):
    """A command that comes to nothing for a reason it found itself."""

    def __init__(self, detail: str, *, code: int = REFUSED, remedy: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.remedy = remedy


EXPECTED: Final = (ClipwireError, Unplaced, Ended, OSError)
"""What `end` has words for; anything else is a bug and may show its trace."""


def end(error: Exception, say: Say) -> int:
    """Says what went wrong; the exit code. With --json it is one line of JSON, on stderr all the same."""
    if isinstance(error, Refused):
        _problem(error.problem, say)
        return REFUSED
    code, name, remedy = _meaning(error)
    detail = str(error) or type(error).__name__
    if say.as_json:
        _json(say.err, {"code": name, "detail": detail, "remedy": remedy or None})
    else:
        say.err.print(Text.assemble(("✗ ", "red"), clean(detail)))
        if remedy:
            say.err.print(Text.assemble(("→ ", "cyan"), clean(remedy)))
    return code


def wrong_use(detail: str) -> int:
    """Says as JSON that the command line is wrong; the exit code."""
    _json(Say(as_json=True).err, {"code": "usage", "detail": detail, "remedy": "Add --help to see what it takes."})
    return USAGE


def _meaning(error: Exception) -> tuple[int, str, str]:
    """Exit code, a word for programs, and what to do."""
    unsure = getattr(error, "may_have_worked", False)
    look = "It may have been carried out all the same: look before you do it again." if unsure else ""
    match error:
        case Unplaced():
            return USAGE, "not_logged_in", ""
        case Unreachable():
            return UNREACHABLE, "unreachable", look or "Is it running there? `clipwire doctor` on that machine tells."
        case Unreadable():
            return UNREACHABLE, "unreadable", "Check the URL: `clipwire login` changes it."
        case TimedOut():
            return TIMED_OUT, "timed_out", look
        case NotPublished():
            remedy = (error.post.problem or {}).get("remedy", "")
            return REFUSED, "not_published", remedy or f"`clipwire posts timeline {error.post.id}` tells how it went."
        case Ended():
            return error.code, "refused" if error.code == REFUSED else "usage", error.remedy
        case BadId():
            return USAGE, "usage", ""
        case OSError() if error.filename:
            return USAGE, "file", ""
        case _:
            return REFUSED, "failed", ""


def _problem(problem: ProblemAnswer, say: Say) -> None:
    if say.as_json:
        _json(say.err, problem.model_dump(mode="json", exclude_none=True))
        return
    err = say.err
    err.print(Text.assemble(("✗ ", "red"), (clean(problem.title), "bold"), (f"  {problem.code}", "dim")))
    if not problem.errors:
        err.print(Text(f"  {clean(problem.detail)}"))
    if problem.errors:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for one in problem.errors:
            said = clean(one.detail)
            bounds = [f"{name} {clean(str(value))}" for name, value in (("limit", one.limit), ("found", one.found))
                      if value is not None]  # fmt: skip
            said += f" ({', '.join(bounds)})" if bounds else ""
            grid.add_row(Text(f"  {clean(one.field) or 'body'}", style="yellow"), Text(said))
            if one.remedy:
                grid.add_row("", Text.assemble(("→ ", "cyan"), clean(one.remedy)))
        err.print(grid)
    if problem.upstream:
        err.print(Text(f"  TikTok: {clean(json.dumps(problem.upstream))}", style="dim"))
    if problem.remedy:
        err.print(Text.assemble(("→ ", "cyan"), clean(problem.remedy)))
    err.print(Text(f"  {clean(problem.request_id)}", style="dim"))


def _json(err: Console, said: dict[str, Any]) -> None:
    err.print(json.dumps(said, ensure_ascii=False), soft_wrap=True)
