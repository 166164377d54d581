"""What TikTok said, passed on: ids are text, and no number is one that a reader would round."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.model.forwarded import EXACT, exact

BIG = 4611686018427387905


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"request_id": BIG}, {"request_id": str(BIG)}),
        ({"request_id": 1, "publish_id": 4}, {"request_id": "1", "publish_id": "4"}),
        ({"request_id": "already"}, {"request_id": "already"}),
        ({"a": [{"video_id": 7}], "item_ids": [1, BIG]}, {"a": [{"video_id": "7"}], "item_ids": ["1", str(BIG)]}),
        ({"id": 7, "paid": 7, "humid_ids": {"n": 7}}, {"id": "7", "paid": 7, "humid_ids": {"n": 7}}),
        ({"views": EXACT, "less": -EXACT}, {"views": EXACT, "less": -EXACT}),
        ({"views": EXACT + 1, "less": -EXACT - 1}, {"views": str(EXACT + 1), "less": str(-EXACT - 1)}),
        ({"deep": [[[BIG]]]}, {"deep": [[[str(BIG)]]]}),
        ({"a_id": True, "b_id": None, "c_id": 0.5, "d_id": {}}, {"a_id": True, "b_id": None, "c_id": 0.5, "d_id": {}}),
        ([BIG, 1], [str(BIG), 1]),
        ("text", "text"),
    ],
)  # fmt: skip
def test_ids_and_numbers_beyond_what_javascript_holds_become_text(said: Any, told: Any) -> None:
    assert exact(said) == told


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_reader_whose_only_numbers_are_doubles_reads_the_same(said: Any) -> None:
    told = exact(said)

    assert orjson.loads(orjson.dumps(told)) == told == rounded(told)
    assert exact(told) == told


def rounded(value: Any) -> Any:
    """As JavaScript reads it."""
    if type(value) is int:
        return int(float(value))
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value
