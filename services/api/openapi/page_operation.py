"""One operation of the document as HTML."""

import html
from collections.abc import Iterator
from typing import Any

import orjson

from services.api.openapi.curl import curl, names
from services.api.openapi.prose import line, prose

Schema = dict[str, Any]


def anchor(operation: dict[str, Any]) -> str:
    return html.escape(operation["operationId"], quote=True)


def shown(method: str, path: str, operation: dict[str, Any], *, document: dict[str, Any]) -> str:
    """Closed; what it takes, answers and refuses is inside, and opens when its anchor is gone to."""
    parts = [
        prose(operation["description"]),
        _parameters(operation, document),
        _body(operation, document),
        _examples(method, path, operation),
        _answers(operation, document),
    ]
    return (
        f'<details class="operation"><summary><b class="{method}">{method.upper()}</b>'
        f"<code>{html.escape(path)}</code><span>{html.escape(operation['summary'])}</span></summary>"
        f'<div class="inner" id="{anchor(operation)}">{"".join(parts)}</div></details>'
    )


def _parameters(operation: dict[str, Any], document: dict[str, Any]) -> str:
    rows = []
    for given in operation["parameters"]:
        one = found(given, document)
        must = " <em>required</em>" if one.get("required") else ""
        said = line(one.get("description", ""))
        rows.append(f"<tr><td><code>{html.escape(one['name'])}</code>{must}</td><td class=kind>{one['in']}, "
                    f"{kind(one['schema'], document)}</td><td>{said}</td></tr>")  # fmt: skip
    return f"<h3>Parameters</h3>{table(rows)}" if rows else ""


def _body(operation: dict[str, Any], document: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    if "application/json" not in content:
        return f"<h3>Body</h3><p>{', '.join(f'<code>{html.escape(name)}</code>' for name in content)}</p>"
    schema = found(content["application/json"]["schema"], document)
    said = prose(schema["description"]) if schema.get("description") else ""
    optional = "" if operation["requestBody"].get("required") else " (may be left out)"
    return f"<h3>Body{optional}</h3>{said}{table(list(fields(schema, document)))}"


def fields(schema: Schema, document: dict[str, Any]) -> Iterator[str]:
    """A row for each field of an object."""
    for name, field in schema.get("properties", {}).items():
        must = " <em>required</em>" if name in schema.get("required", ()) else ""
        default = field.get("default")
        usual = f" Default <code>{html.escape(orjson.dumps(default).decode())}</code>." if default is not None else ""
        yield (f"<tr><td><code>{html.escape(name)}</code>{must}</td><td class=kind>{kind(field, document)}</td>"
               f"<td>{line(field.get('description', ''))}{usual}</td></tr>")  # fmt: skip


def table(rows: list[str]) -> str:
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>' if rows else ""


def _examples(method: str, path: str, operation: dict[str, Any]) -> str:
    made: list[str] = []
    for name, title in names(operation).items():
        command = f"<pre><code>{html.escape(curl(method, path, operation, name))}</code></pre>"
        more = f'<details class="example"><summary>{html.escape(title)}</summary>{command}</details>'
        made.append(more if made else command)
    return f"<h3>Example</h3>{''.join(made)}"


def _answers(operation: dict[str, Any], document: dict[str, Any]) -> str:
    made = []
    for status, given in operation["responses"].items():
        answer = found(given, document)
        shown_examples = "".join(
            f'<details class="example"><summary>{html.escape(example.get("summary") or name)}</summary><pre><code>'
            f"{html.escape(orjson.dumps(example['value'], option=orjson.OPT_INDENT_2).decode())}</code></pre></details>"
            for media in answer.get("content", {}).values()
            for name, example in media.get("examples", {}).items()
        )
        made.append(f"<dt>{html.escape(status)}</dt><dd>{prose(answer['description'])}{shown_examples}</dd>")
    return f"<h3>Answers</h3><dl>{''.join(made)}</dl>"


def kind(schema: Schema, document: dict[str, Any]) -> str:
    """What a value is, in a few words."""
    if "$ref" in schema:
        return kind(found(schema, document), document)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(one, document) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " ".join(f"<code>{html.escape(str(value))}</code>" for value in values)
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema.get('items', {}), document)}{_limits(schema)}"
        case "string":
            return f"{'time' if schema.get('format') == 'date-time' else 'text'}{_limits(schema)}"
        case str(name):
            return f"{html.escape(name)}{_limits(schema)}"
        case _:
            return "anything"


def _limits(schema: Schema) -> str:
    low = next((schema[word] for word in ("minimum", "minLength", "minItems") if word in schema), None)
    high = next((schema[word] for word in ("maximum", "maxLength", "maxItems") if word in schema), None)
    if high is None:
        return f" from {low}" if low is not None and low > 1 else ""
    return f", {low or 0}–{high}" if schema.get("type") in ("integer", "number") else f", at most {high}"


def found(value: Schema, document: dict[str, Any]) -> Schema:
    """What a reference refers to."""
    if "$ref" not in value:
        return value
    place: Any = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        place = place[part]
    return dict(place)
