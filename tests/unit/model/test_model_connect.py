"""Why a state cannot be used, and what a stranger learns of it: nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.model.connect import LIFE, LINK_LIFE, Connect, Invitation, Judged, Unopened, judge, may_open, missing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURS = Connect("cus_a", "ck", "https://a.example/cb", ("video.publish",), "key_1", NOW, NOW + LIFE)
LINK = Invitation("cus_a", "acc_1", "ck", "https://a.example/cb", ("video.publish",), False, 3, "key_1", NOW,
                  NOW + LINK_LIFE)  # fmt: skip
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


@pytest.mark.parametrize(
    ("found", "granted", "later", "expected"),
    [
        (None, 0, 0, Unopened.UNKNOWN),
        (LINK, 3, 0, None),
        (LINK, 3, 7 * 86_400 - 1, None),
        (LINK, 3, 7 * 86_400, Unopened.EXPIRED),
        (LINK, 4, 0, Unopened.DONE),
        (LINK, 4, 8 * 86_400, Unopened.DONE),
    ],
)
def test_a_link_works_until_it_ends_or_its_account_is_connected_again(
    found: Invitation | None, granted: int, later: int, expected: Unopened | None
) -> None:
    assert may_open(found, granted=granted, now=NOW + timedelta(seconds=later)) is expected


def test_opening_a_link_begins_a_consent_for_its_account_alone() -> None:
    begun = LINK.begin(NOW + timedelta(days=3))

    assert (begun.account_id, begun.customer_id, begun.scopes) == ("acc_1", "cus_a", ("video.publish",))
    assert begun.expires_at == NOW + timedelta(days=3) + LIFE


def test_missing_scopes_are_named_in_the_order_they_were_asked_for() -> None:
    assert missing(("a", "b", "c", "d"), ("d", "b", "x")) == ("a", "c")
    assert missing((), ("a",)) == ()
