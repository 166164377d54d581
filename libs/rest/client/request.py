"""A request as a value: what to ask and what the answer is. Nothing here does I/O."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, SecretStr

from libs.rest.client.errors import BadId

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Told after every piece: bytes sent of this try, bytes in all. Another try begins at zero."""

BYTES: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to be streamed, opened anew for every try; memory holds one piece of them."""

    open: Callable[[], BinaryIO]
    size: int
    progress: Progress | None = None
    type: str = BYTES


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One operation of the REST API. `answer` is any type pydantic can read."""

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: Content | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def target(self) -> str:
        """Path and query string; what is None is not asked."""
        asked = {name: _text(value) for name, value in self.query.items() if value is not None}
        return f"{self.path}?{urlencode(asked)}" if asked else self.path

    def encoded(self) -> bytes | None:
        """The body as JSON. TypeError or ValueError for what JSON cannot say."""
        if self.body is None:
            return None
        return json.dumps(self.body, default=_plain, allow_nan=False).encode()


def at(pattern: str, *names: str) -> str:
    """The path with ids and names in its places. `BadId` for what would be another path."""
    for name in names:
        if name in ("", ".", ".."):
            raise BadId(f"{name!r} is no id")
    return pattern.format(*(quote(name, safe="") for name in names))


def content_of(file: str | os.PathLike[str] | bytes, progress: Progress | None = None) -> Content:
    """A file by its path, or bytes. OSError when there is no such file."""
    if isinstance(file, bytes):
        return Content(lambda: BytesIO(file), len(file), progress)
    path = Path(file)
    with path.open("rb") as opened:  # now: an error before anything is sent, and of the file only
        size = os.fstat(opened.fileno()).st_size
    return Content(lambda: path.open("rb"), size, progress)


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()  # on its way to the one who asked for it
        case BaseModel():
            return value.model_dump(exclude_unset=True)
        case date():
            return value.isoformat()
        case AbstractSet() | Sequence():
            return list(value)
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"a request cannot hold a {type(value).__name__}")
