"""The few marks of descriptions as HTML: paragraphs, lists, `code` and **bold**. All else is shown as it is."""

import html
import re

_CODE = re.compile(r"``?([^`\n]+)``?")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def prose(text: str) -> str:
    return "".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block)


def line(text: str) -> str:
    """Within a paragraph."""
    safe = html.escape(" ".join(text.split()))
    return _BOLD.sub(r"<b>\1</b>", _CODE.sub(r"<code>\1</code>", safe))


def _block(text: str) -> str:
    rows = text.splitlines()
    if all(row.startswith("- ") for row in rows):
        return "<ul>" + "".join(f"<li>{line(row[2:])}</li>" for row in rows) + "</ul>"
    return f"<p>{line(text)}</p>"
