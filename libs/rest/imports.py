"""Imports: posts from a CSV file, answered row by row."""

from typing import Any, Literal

from libs.rest.field import CustomerId
from libs.rest.shape import Answer, Ask


class ImportQuery(Ask):
    """`dry_run` checks every row by the rules of acceptance and makes nothing. An operator key names the customer."""

    dry_run: bool = False
    customer_id: CustomerId | None = None


class ImportRow(Answer):
    """What became of a row, numbered as a spreadsheet does: the header is 1.

    `made` now, or `exists` from an upload before; `valid` would be made; `refused` says in `problem` why, and each of
    its errors in which `column`. With `account_ids` a row makes several posts, and a batch.
    """

    row: int
    outcome: Literal["made", "exists", "valid", "refused"]
    post_ids: tuple[str, ...] = ()
    batch_id: str | None = None
    problem: dict[str, Any] | None = None


class ImportAnswer(Answer):
    """Counts of rows by outcome, and the rows in their order."""

    dry_run: bool
    total: int
    made: int
    exists: int
    valid: int
    refused: int
    rows: tuple[ImportRow, ...]
