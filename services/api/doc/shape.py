"""The words in which an operation says what it takes, what it answers and why it may refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any

from pydantic import BaseModel

from libs.rest.code import Code


@dataclass(frozen=True, slots=True)
class Example:
    """One request and its answer. Ids, times and secrets in it stand for those of whoever reads it.

    `answer` is a whole answer, or the code of a refusal. `query` and `path` are texts as they stand in the address;
    an id in the path that is left out is the sample's of its kind (`services.api.doc.sample`).
    """

    status: int
    answer: BaseModel | Code
    body: Mapping[str, Any] | None = None
    title: str = ""
    """Needed where an operation has several."""
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    """What an upload sends, where that can be shown."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is a file: its bytes as they are, or the one field `file` of a form."""

    types: tuple[str, ...]
    or_json: type[BaseModel] | None = None
    """What may come instead: where the file is."""
    form: bool = True
    """Whether it may come as a form."""


@dataclass(frozen=True, slots=True)
class Doc:
    """What one operation says of itself; its handler's docstring says the rest."""

    summary: str
    """A few words, as a list of operations shows them."""
    answers: Mapping[int, type[BaseModel] | UnionType]
    """What it answers when it does what was asked."""
    examples: tuple[Example, ...]
    body: type[BaseModel] | Upload | None = None
    """What its body holds; None for an action, which takes no fields."""
    body_optional: bool = False
    problems: tuple[Code, ...] = ()
    """Why it may refuse, besides what every operation of its kind may answer."""
