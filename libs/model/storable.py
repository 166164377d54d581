"""Which JSON values can be kept: Postgres has no NUL, UTF-8 no half of a surrogate pair, and nobody needs depth."""

import math
from typing import Literal

DEPTH_MAX = 32
Flaw = Literal["bad_text", "bad_number", "too_deep"]

WHY: dict[Flaw, str] = {
    "bad_text": "A text has a NUL or half of a surrogate pair.",
    "bad_number": "A number is beyond 64 bits, or is none.",
    "too_deep": f"It is nested more than {DEPTH_MAX} levels deep.",
}


def flaw(value: object) -> Flaw | None:
    """The first reason why a decoded JSON value cannot be kept. Never raises and never recurses, whatever comes."""
    level = [value]
    for _ in range(DEPTH_MAX):
        deeper: list[object] = []
        for node in level:
            match node:
                case str():
                    if not _is_text(node):
                        return "bad_text"
                case bool() | None:
                    pass
                case int():
                    if not -(2**63) <= node < 2**64:
                        return "bad_number"
                case float():
                    if not math.isfinite(node):
                        return "bad_number"
                case dict():
                    deeper += node
                    deeper += node.values()
                case list() | tuple():
                    deeper += node
                case _:
                    pass
        if not deeper:
            return None
        level = deeper
    return "too_deep"


def _is_text(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
