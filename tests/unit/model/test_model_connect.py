"""Why a state cannot be used, and what a stranger learns of it: nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.model.connect import LIFE, Connect, Judged, judge, missing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURS = Connect("cus_a", "ck", "https://a.example/cb", ("video.publish",), "key_1", NOW, NOW + LIFE)
USED = replace(OURS, used_at=NOW)


@pytest.mark.parametrize(
    ("found", "redirect_uri", "customer_id", "later", "expected"),
    [
        (None, OURS.redirect_uri, None, 0, Judged.UNKNOWN_STATE),
        (OURS, OURS.redirect_uri, "cus_b", 0, Judged.UNKNOWN_STATE),
        (USED, "https://b.example/cb", "cus_b", 9999, Judged.UNKNOWN_STATE),
        (OURS, "https://b.example/cb", "cus_a", 0, Judged.WRONG_REDIRECT),
        (USED, OURS.redirect_uri + "/", None, 9999, Judged.WRONG_REDIRECT),
        (USED, OURS.redirect_uri, "cus_a", 0, Judged.REPLAYED_STATE),
        (USED, OURS.redirect_uri, None, 9999, Judged.REPLAYED_STATE),
        (OURS, OURS.redirect_uri, "cus_a", 900, Judged.EXPIRED_STATE),
    ],
)
def test_a_state_that_cannot_be_used_says_why_to_its_owner_only(
    found: Connect | None, redirect_uri: str, customer_id: str | None, later: int, expected: Judged
) -> None:
    now = NOW + timedelta(seconds=later)

    assert judge(found, redirect_uri=redirect_uri, customer_id=customer_id, now=now) is expected


def test_missing_scopes_are_named_in_the_order_they_were_asked_for() -> None:
    assert missing(("a", "b", "c", "d"), ("d", "b", "x")) == ("a", "c")
    assert missing((), ("a",)) == ()
