"""What a command says: answers on stdout, for people or as JSON; everything else on stderr.

Text of others never reaches a terminal raw: control characters are shown as such, and nothing is read as markup.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_GOOD: Final = frozenset({"published", "in_inbox", "connected", "enabled", "delivered", "done", "ready", "allowed"})
_BAD: Final = frozenset({"failed", "exhausted", "disabled", "revoked", "refused", "disconnected", "denied"})
_ODD: Final = frozenset({"unconfirmed", "cancelled", "paused", "expired", "failing", "reauthorization_required"})

LEAST: Final = 6

Cell = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how a row fills it. Where the terminal is narrow, one that `gives` is cut, or `wraps`."""

    heading: str
    cell: Cell
    gives: bool = False
    wraps: bool = False
    right: bool = False


class Say:
    """How one command speaks."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = Console(markup=False, highlight=False, emoji=False, soft_wrap=False)
        self.err = Console(stderr=True, markup=False, highlight=False, emoji=False)

    @property
    def lively(self) -> bool:
        """Whether somebody watches: bars and what moves are for them alone."""
        return self.err.is_terminal and not self.as_json

    def note(self, text: str) -> None:
        """Something by the way."""
        if not self.as_json:
            self.err.print(Text(clean(text)))

    def thing(self, answer: BaseModel | Mapping[str, Any], pairs: Iterable[tuple[str, Any]] | None = None) -> None:
        """One answer: whole as JSON; to people these pairs, or all there is, without what is empty."""
        if self.as_json:
            self.line(answer, indent=2)
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        every = answer.items() if isinstance(answer, Mapping) else iter(answer)
        given = [(name.replace("_", " "), value) for name, value in every] if pairs is None else pairs
        shown = [(name, value) for name, value in given if value not in (None, "", (), {}, [])]
        for name, value in shown:
            grid.add_row(name, styled(value))
        if self.out.is_terminal:
            self.out.print(grid)
        else:
            for name, value in shown:
                print(f"{name}\t{plain(value)}")

    def rows(self, rows: Iterable[BaseModel], columns: Sequence[Column], *, empty: str = "Nothing.") -> None:
        """A list: `{"data": […]}` as JSON, a table on a terminal, tab-separated in a pipe."""
        if self.as_json:
            data = [row.model_dump(mode="json") for row in rows]
            print(json.dumps({"data": data}, indent=2, ensure_ascii=False))
            return
        if not self.out.is_terminal:
            for row in rows:
                print("\t".join(plain(column.cell(row)) for column in columns))
            return
        cells = [[styled(column.cell(row)) for column in columns] for row in rows]
        self.out.print(table(columns, cells, self.out.width) if cells else Text(empty, style="dim"))

    def line(self, answer: BaseModel | Mapping[str, Any], *, indent: int | None = None) -> None:
        """JSON on stdout, on a line of its own unless indented; not kept back."""
        data = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else dict(answer)
        print(json.dumps(data, indent=indent, ensure_ascii=False), flush=True)


def table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> Table:
    """Whole ids whatever the width: only what gives is cut or wrapped, down to a few letters."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    natural = [
        max([cell_len(column.heading), *(row[place].cell_len for row in rows)]) for place, column in enumerate(columns)
    ]
    gaps = 3 * (len(columns) - 1)
    left = width - gaps - sum(wide for wide, column in zip(natural, columns, strict=True) if not column.gives)
    giving = sum(column.gives for column in columns)
    for wide, column in zip(natural, columns, strict=True):
        fair = max(LEAST, left // giving) if column.gives else wide
        given = min(wide, fair)
        left, giving = (left - given, giving - 1) if column.gives else (left, giving)
        table.add_column(
            column.heading,
            width=given,
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
            justify="right" if column.right else "left",
        )
    for row in rows:
        table.add_row(*row)
    return table


def styled(value: Any) -> Text:
    """A value as a terminal shows it; words for states have colours."""
    text = plain(value)
    style = "green" if text in _GOOD else "red" if text in _BAD else "yellow" if text in _ODD else ""
    return Text(text, style=style)


def plain(value: Any) -> str:
    """A value as text."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case Enum():
            return clean(str(value.value))
        case Mapping():
            return ", ".join(f"{clean(str(name))}={plain(each)}" for name, each in value.items())
        case str():
            return clean(value)
        case Sequence():
            return ", ".join(plain(each) for each in value)
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """Without anything that moves a cursor, rings a bell or turns text around."""
    return _CONTROL.sub(lambda found: "⏎" if found[0] == "\n" else "·", text)
