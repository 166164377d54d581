"""Named statements: `queries/<group>.sql` holds blocks that begin with `-- name: <name>`."""

import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
FOLDER = Path(__file__).parent / "queries"


class Queries:
    """The statements of one file, as attributes: `Queries("posts").claim_due`."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._by_name = _read(group)

    def __getattr__(self, name: str) -> str:
        try:
            return self._by_name[name]
        except KeyError:
            raise AttributeError(f"no statement {name!r} in queries/{self._group}.sql") from None


@cache
def _read(group: str) -> dict[str, str]:
    parts = _NAME.split((FOLDER / f"{group}.sql").read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
