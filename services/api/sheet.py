"""A CSV file of posts: one row, one post request. Pure; what is wrong is a value that names row and column.

The columns are the fields of a post request. Lists (`media`, `account_ids`) are separated by spaces, `metadata.order`
and `consent.by` are fields inside of others, and an empty cell is a field left out.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from libs.model.post_request import Consent, PostRequest
from libs.model.problem import FieldError

ROWS_MAX: Final = 1000
COLUMNS_MAX: Final = 100
DELIMITERS: Final = (",", ";", "\t")
"""As spreadsheets write them: which one depends on the country."""
METADATA: Final = "metadata."
CONSENT: Final = "consent."


def _types(annotation: Any) -> set[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _types(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return set().union(*(_types(each) for each in get_args(annotation)))
    return {origin or annotation}


_FIELDS: Final = {name: _types(field.annotation) for name, field in PostRequest.model_fields.items()} | {
    f"{CONSENT}{name}": _types(field.annotation) for name, field in Consent.model_fields.items()
}
COLUMNS: Final = tuple(name for name in _FIELDS if name not in ("consent", "metadata"))


@dataclass(frozen=True, slots=True)
class Row:
    """A row: `n` as a spreadsheet numbers it (the header is 1), its cells, and the request that they make, if any."""

    n: int
    cells: tuple[tuple[str, str], ...]
    body: dict[str, Any] | None
    wrong: tuple[FieldError, ...] = ()
    """What is wrong with cells; the body has them as they were written."""


def read(raw: bytes) -> list[Row] | list[FieldError]:
    """The rows of a file, blank ones left out; or why it is no such file."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [FieldError("", "not_utf8", f"Byte {error.start} is not UTF-8.", remedy="Save the file as UTF-8.")]
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(records, [])]
        if errors := list(_header_errors(header)):
            return errors
        rows = []
        for n, record in enumerate(records, start=2):
            if any(cell.strip() for cell in record):
                rows.append(_row(n, header, record))
            if len(rows) > ROWS_MAX:
                return [FieldError("", "too_many_rows", f"There are more than {ROWS_MAX} rows.", ROWS_MAX,
                                   remedy="Split the file.")]  # fmt: skip
    except csv.Error as error:
        detail = f"Line {records.line_num} cannot be read: {error}."
        return [FieldError("", "malformed_csv", detail, remedy="Put cells with quotes or line breaks into quotes.")]
    if not rows:
        return [FieldError("", "no_rows", "The file has no rows.", remedy="Put one post into each row.")]
    return rows


def column_of(field: str) -> str:
    """The column that a wrong field of the request stands in."""
    name, _, inner = field.partition(".")
    return field if name in ("consent", "metadata") and inner else name


def _header_errors(header: list[str]) -> Iterator[FieldError]:
    if not any(header):
        yield FieldError("", "no_header", "The first row must name the columns.", remedy=f"Use {', '.join(COLUMNS)}.")
    if len(header) > COLUMNS_MAX:
        yield FieldError("", "too_many_columns", f"There are {len(header)} columns.", COLUMNS_MAX, len(header),
                         "Leave out what no post has.")  # fmt: skip
        return
    for place, name in enumerate(header):
        shown = name[:80] or f"column {place + 1}"
        if name in header[:place]:
            yield FieldError(shown, "repeated", "This column is there twice.", remedy="Keep one of them.")
        elif name not in COLUMNS and not (name.startswith(METADATA) and len(name) > len(METADATA)):
            yield FieldError(shown, "unknown_column", "No field of a post is called so.",
                             remedy=f"Use {', '.join(COLUMNS)} or {METADATA}….")  # fmt: skip


def _row(n: int, header: list[str], record: list[str]) -> Row:
    if len(record) != len(header):
        detail = f"The row has {len(record)} cells, the header {len(header)}."
        wrong = FieldError("", "cells", detail, len(header), len(record), "Put cells with separators into quotes.")
        return Row(n, (), None, (wrong,))
    cells = tuple((name, cell.strip()) for name, cell in zip(header, record, strict=True) if cell.strip())
    body: dict[str, Any] = {}
    errors = []
    for name, cell in cells:
        value = _value(name, cell)
        if isinstance(value, FieldError):
            errors.append(value)
            value = cell
        if name.startswith((METADATA, CONSENT)):
            outer, _, inner = name.partition(".")
            body.setdefault(outer, {})[inner] = value
        else:
            body[name] = value
    return Row(n, cells, body, tuple(errors))


def _value(name: str, cell: str) -> Any:
    types = _FIELDS.get(name, {str})
    if tuple in types:
        return cell.split()
    if bool in types:
        if cell.lower() not in ("true", "false"):
            return FieldError(name, "not_a_boolean", "This is neither true nor false.", "true, false", cell[:80],
                              "Write true or false, or leave the cell empty.")  # fmt: skip
        return cell.lower() == "true"
    if int in types:
        if not (cell.isascii() and cell.isdigit() and len(cell) <= 18):
            return FieldError(name, "not_a_number", "This is no whole number.", None, cell[:80], "Write digits only.")
        return int(cell)
    return cell
