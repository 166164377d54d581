"""`python -m deploy.contracts`: holds the committed contracts against the code; `--write` renews them.

A change that breaks a reader of events or a caller of the REST API is refused both ways. Who means it says so with
`--break`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from deploy.openapi import broken
from libs.broker.asyncapi import asyncapi
from libs.model.compatible import breaking
from libs.model.event_type import EventType
from libs.model.payload import json_schema
from libs.model.sample import example
from services.api.openapi.document import openapi
from services.api.resource import ROUTES

OPENAPI = "openapi.json"
FOLDER = Path(__file__).parent / "contract"


def contracts() -> dict[str, dict[str, Any]]:
    """Every committed document by its path within the folder."""
    events = {f"events/{type_}.json": json_schema(type_) | {"examples": [example(type_)]} for type_ in EventType}
    return {**events, "asyncapi.json": asyncapi(), OPENAPI: _openapi()}


@cache
def _openapi() -> dict[str, Any]:
    return openapi(ROUTES)


def problems(committed: Mapping[str, dict[str, Any]], current: Mapping[str, dict[str, Any]]) -> list[str]:
    """What readers of the committed events, and callers of the committed operations, would trip over."""
    found = []
    for path, old in sorted(committed.items()):
        if path.startswith("events/"):
            new = current.get(path)
            found += [f"{path}: {what}" for what in (breaking(old, new) if new else ["the event is gone"])]
    if OPENAPI in committed:
        found += [f"{OPENAPI}: {what}" for what in broken(committed[OPENAPI], current[OPENAPI])]
    return found


def read(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(folder).as_posix(): orjson.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))
    }


def write(folder: Path, current: Mapping[str, dict[str, Any]]) -> None:
    for path in folder.rglob("*.json"):
        if path.relative_to(folder).as_posix() not in current:
            path.unlink()
    for name, document in current.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def main(arguments: Sequence[str] | None = None, *, folder: Path = FOLDER) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.contracts", description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the committed documents")
    parser.add_argument("--break", dest="meant", action="store_true", help="also where that breaks readers")
    asked = parser.parse_args(arguments)
    committed, current = read(folder), orjson.loads(orjson.dumps(contracts()))
    broken = [] if asked.meant else problems(committed, current)
    if broken:
        print("This breaks who relies on it:", *broken, sep="\n  ")
        return 1
    if asked.write:
        write(folder, current)
        return 0
    stale = sorted(path for path in committed.keys() | current.keys() if committed.get(path) != current.get(path))
    if stale:
        print("The committed contracts are not the code's; run `make contracts`:", *stale, sep="\n  ")
        return 1
    print(f"{len(current)} contracts are kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
