"""Models as JSON Schemas, each once, under the name of its class."""

import re
from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
"""What is asked, and what is answered: a field with a default may be left out of the one, never of the other."""
Model = type[BaseModel]
REF = "#/components/schemas/{model}"
_PAGE = re.compile(r"Page_(\w+)_")


class _Plain(GenerateJsonSchema):
    """Without a title for every field: it says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Schemas:
    """Every model's schema. Two models of one name would hide each other, so that is an error."""

    def __init__(self, asked: Iterable[Model], answered: Iterable[Model]) -> None:
        pairs: list[tuple[Model, JsonSchemaMode]] = [
            *((model, "validation") for model in dict.fromkeys(asked)),
            *((model, "serialization") for model in dict.fromkeys(answered)),
        ]
        refs, made = models_json_schema(pairs, ref_template=REF, schema_generator=_Plain)
        self._refs = {pair: _renamed(ref) for pair, ref in refs.items()}
        self.components: dict[str, Schema] = _renamed(made["$defs"])
        doubled = [name for name in self.components if "__" in name or name.endswith(("-Input", "-Output"))]
        if doubled:
            raise ValueError(f"these need names of their own: {', '.join(doubled)}")

    def asked(self, model: Model) -> Schema:
        return dict(self._refs[model, "validation"])

    def answered(self, model: Model | UnionType) -> Schema:
        found = [dict(self._refs[one, "serialization"]) for one in parts(model)]
        return found[0] if len(found) == 1 else {"anyOf": found}


def parts(model: Model | UnionType) -> tuple[Model, ...]:
    return get_args(model) if isinstance(model, UnionType) else (model,)


def query_schema(field: FieldInfo, schema: Schema) -> Schema:
    """A field of a query string: it is there or not, and never null."""
    kept = {name: value for name, value in schema.items() if name not in ("default", "description", "title")}
    if "anyOf" in kept:
        some = [one for one in kept.pop("anyOf") if one != {"type": "null"}]
        kept = (some[0] if len(some) == 1 else {"anyOf": some}) | kept
    return kept if field.default is None or field.is_required() else kept | {"default": field.default}


def _renamed(value: Any) -> Any:
    """`Page[PostAnswer]` is `PostAnswerPage`, which may stand in an address; no model says its name again."""
    if isinstance(value, dict):
        return {
            _PAGE.sub(r"\1Page", name): _renamed(inner)
            for name, inner in value.items()
            if name != "title" or not isinstance(inner, str)
        }
    if isinstance(value, list):
        return [_renamed(inner) for inner in value]
    return _PAGE.sub(r"\1Page", value) if isinstance(value, str) else value
