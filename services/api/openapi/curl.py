"""Examples of the document as commands for a shell."""

import re
import shlex
from typing import Any
from urllib.parse import quote, urlencode

import orjson

JSON = "application/json"


def curl(method: str, path: str, operation: dict[str, Any], name: str) -> str:
    """One example; `$CLIPWIRE` is where the api is, `$CLIPWIRE_KEY` a key."""
    words = [f'curl {"" if method == "get" else f"-X {method.upper()} "}"$CLIPWIRE{address(path, operation, name)}"']
    if operation.get("security") != []:
        words.append('-H "Authorization: Bearer $CLIPWIRE_KEY"')
    content = operation.get("requestBody", {}).get("content", {})
    if JSON in content and (example := content[JSON].get("examples", {}).get(name)) is not None:
        shown = orjson.dumps(example["value"], option=orjson.OPT_INDENT_2).decode()
        words += [f"-H 'Content-Type: {JSON}'", f"-d {shlex.quote(shown)}"]
    elif content and content.keys() != {JSON}:
        words += [f"-H 'Content-Type: {next(iter(content))}'", "--data-binary @film.mp4"]
    return " \\\n  ".join(words)


def address(path: str, operation: dict[str, Any], name: str) -> str:
    """Path and query of an example."""
    values = {one["name"]: str(one["example"]) for one in operation["parameters"] if one.get("in") == "path"}
    where = re.sub(r"{(\w+)}", lambda found: quote(values[found[1]], safe=""), path)
    query = {
        one["name"]: orjson.dumps(value).decode() if not isinstance(value, str) else value
        for one in operation["parameters"]
        if one.get("in") == "query" and (value := one.get("examples", {}).get(name, {}).get("value")) is not None
    }
    return f"{where}?{urlencode(query)}" if query else where


def names(operation: dict[str, Any]) -> dict[str, str]:
    """The examples of an operation, by name, with their titles; one without a name when nothing has to be sent."""
    found: dict[str, str] = {}
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [answer.get("content", {}) for answer in operation["responses"].values()]
    for content in contents:
        for media in content.values():
            for name, example in media.get("examples", {}).items():
                found.setdefault(name, example.get("summary", ""))
    return found or {"example-1": operation["summary"]}
