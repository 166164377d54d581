"""The fact sheet as a table: every row has a check, and every check holds against a fresh simulator.

`python -m pytest tests/contract/simulator/test_sheet.py -k report -s` prints row by row what proves it.
"""

import pytest

from tests.contract.simulator import (
    check_display,
    check_events,
    check_limits,
    check_media,
    check_oauth,
    check_posting,
    check_status,
    check_upload,
)
from tests.contract.simulator.box import Box
from tests.contract.simulator.sheet import CHECKS, missing, report

MODULES = (
    check_display,
    check_events,
    check_limits,
    check_media,
    check_oauth,
    check_posting,
    check_status,
    check_upload,
)


@pytest.mark.parametrize("name", sorted(CHECKS))
async def test_the_simulator_does_what_the_sheet_says(box: Box, name: str) -> None:
    await CHECKS[name](box)

    assert box.simulator.gate.unscripted_errors == 0


def test_the_report_lists_no_row_without_a_check_or_a_reason() -> None:
    print(f"\n{report()}")

    assert missing() == []
    assert all(module.__doc__ for module in MODULES)
