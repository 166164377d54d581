"""The list of checklist rows with a test is honest."""

from tests.rows import ALL_ROWS, ranges, report


def test_every_row_of_the_checklist_is_known() -> None:
    assert len(ALL_ROWS) == 71 + 72 + 68 + 57
    assert {"SA-01", "SA-71", "SS-72", "BO-68", "PP-57"} <= set(ALL_ROWS)
    assert "PP-58" not in ALL_ROWS


def test_the_report_tells_rows_with_a_test_from_those_without() -> None:
    lines = list(report({"SA-01", "SA-02", "SA-04", "PP-57"}))

    assert lines[:3] == [
        "SA: 3 of 71 rows have a test",
        "    with:    SA-01..SA-02 SA-04",
        "    without: SA-03 SA-05..SA-71",
    ]
    assert lines[-1] == "    without: PP-01..PP-56"


def test_no_rows_are_shown_as_a_dash() -> None:
    assert ranges("SA", []) == "-"
