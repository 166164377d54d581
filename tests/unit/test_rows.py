"""The list of checklist rows with a test is honest."""

import re
from pathlib import Path

from tests.rows import ALL_ROWS, DOCUMENTS, LATER, ranges, report

_MARK = re.compile(r"mark\.row\(([^)]*)\)|^ROWS = \{([^}]*)\}", re.MULTILINE)
_ROW = re.compile(r"\b(?:SA|SS|BO|PP)-\d\d\b")


def test_every_row_of_the_checklist_is_known() -> None:
    assert len(ALL_ROWS) == 71 + 72 + 68 + 57
    assert {"SA-01", "SA-71", "SS-72", "BO-68", "PP-57"} <= set(ALL_ROWS)
    assert "PP-58" not in ALL_ROWS


def test_the_report_tells_rows_with_a_test_from_those_without() -> None:
    lines = list(report({"SA-01", "SA-02", "SA-04", "PP-57"}))

    assert lines[:2] == ["SA: 3 of 71 rows have a test", "    with:    SA-01..SA-02 SA-04"]
    later = [row for row in ALL_ROWS if row in LATER and row not in ("SA-01", "SA-02", "SA-04", "PP-57")]
    assert sum(line.startswith("    later:   ") for line in lines) == len(DOCUMENTS)
    assert lines[3].startswith("    without: SA-03 SA-05..")
    assert all(any(line.startswith("later, ") and row in line for line in lines) for row in later)


def test_every_row_has_a_test_or_a_reason_for_coming_later_and_none_has_both() -> None:
    """Read from the tests' text: most runs collect a part of them."""
    marked = {row for text in _texts() for marks in _MARK.finditer(text) for row in _ROW.findall(marks[0])}
    assert marked > {"SA-01", "SS-02", "BO-51", "PP-50"}

    assert sorted(set(ALL_ROWS) - marked - set(LATER)) == []
    assert sorted(marked & set(LATER)) == []
    assert set(LATER) <= set(ALL_ROWS)


def _texts() -> list[str]:
    files = [path for path in Path(__file__).parents[1].rglob("test_*.py") if path != Path(__file__)]
    return [path.read_text(encoding="utf-8") for path in files]


def test_no_rows_are_shown_as_a_dash() -> None:
    assert ranges("SA", []) == "-"
