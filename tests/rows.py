"""Which rows of the checklist have a test: `@pytest.mark.row("SA-26")` names them, `pytest --rows` prints them."""

from collections.abc import Iterable

import pytest

# One document each, and its last row.
DOCUMENTS = {"SA": 71, "SS": 72, "BO": 68, "PP": 57}
ALL_ROWS = tuple(f"{document}-{n:02}" for document, last in DOCUMENTS.items() for n in range(1, last + 1))

_CONSOLE = "a page for people: it comes with the operator console"
_AGENTS = "agents' tools and their reference: they come with the MCP server"
LATER: dict[str, str] = {
    **dict.fromkeys(("BO-24", "BO-67", "PP-38"), _CONSOLE),
    **dict.fromkeys(("SA-43", "SA-71", "BO-01", "BO-02", "BO-03"), _AGENTS),
}  # fmt: skip
"""Rows without a test, and why. A row that has neither fails a test."""

_PROVED = pytest.StashKey[set[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rows", action="store_true", help="print which checklist rows have a test, and run nothing")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("rows") and config.getoption("dist", "no") != "no":
        raise pytest.UsageError("--rows looks at every test in one process: leave out -n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[_PROVED] = proved = {
        str(row) for item in items for mark in item.iter_markers("row") for row in mark.args
    }
    if unknown := sorted(proved.difference(ALL_ROWS)):
        raise pytest.UsageError(f"no such checklist rows: {', '.join(unknown)}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    return True if session.config.getoption("rows") else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not terminalreporter.config.getoption("rows"):
        return
    for line in report(terminalreporter.config.stash.get(_PROVED, set())):
        terminalreporter.write_line(line)


def report(proved: set[str]) -> Iterable[str]:
    """Per document: how many rows have a test, which, and which not; then why those that come later do."""
    for document, last in DOCUMENTS.items():
        numbers = range(1, last + 1)
        have = [n for n in numbers if f"{document}-{n:02}" in proved]
        yield f"{document}: {len(have)} of {last} rows have a test"
        yield f"    with:    {ranges(document, have)}"
        rest = [n for n in numbers if n not in have]
        yield f"    later:   {ranges(document, [n for n in rest if f'{document}-{n:02}' in LATER])}"
        yield f"    without: {ranges(document, [n for n in rest if f'{document}-{n:02}' not in LATER])}"
    for reason in dict.fromkeys(LATER.values()):
        listed = [row for row, why in LATER.items() if why == reason and row not in proved]
        yield f"later, {reason}: {' '.join(listed) or '-'}"


def ranges(document: str, numbers: list[int]) -> str:
    """Row ids with runs drawn together: `SA-01..SA-04 SA-07`."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    shown = (f"{document}-{run[0]:02}" + (f"..{document}-{run[-1]:02}" if len(run) > 1 else "") for run in runs)
    return " ".join(shown) or "-"
