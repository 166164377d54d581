"""Whom an event is for."""

from datetime import date

import pytest

from libs.store.deliveries import Outgoing, Subscription
from services.notifier.fanout import match

EVENT_ID = "evt_01jd4a2p00g9h8j7k6m5n4p3q2"
ALL = Subscription("end_all", "cus_1", ("*",))
POSTS = Subscription("end_posts", "cus_1", ("post.*",))
ONE = Subscription("end_one", "cus_1", ("post.published", "account.*"), ("acc_1",))


@pytest.mark.parametrize(
    ("type_", "key", "account", "heard_by"),
    [
        ("post.published", "post_1:published", "acc_1", ["end_all", "end_posts", "end_one"]),
        ("post.published", "post_1:published", "acc_2", ["end_all", "end_posts"]),
        ("post.failed", "post_1:failed", "acc_1", ["end_all", "end_posts"]),
        ("endpoint.failing", "end_all:failing:1", None, []),
        ("endpoint.failing", "end_posts:failing:1", None, ["end_all"]),
        ("webhook.test", "end_all:test:evt_1", None, ["end_all"]),
        ("webhook.test", "end_posts:test:evt_1", None, ["end_all", "end_posts"]),
        ("webhook.test", "end_gone:test:evt_1", None, ["end_all"]),
    ],
)
def test_an_event_is_for_who_wants_it_and_a_test_for_whom_it_was_asked(
    type_: str, key: str, account: str | None, heard_by: list[str]
) -> None:
    event = Outgoing(EVENT_ID, date(2026, 11, 20), type_, "cus_1", account, key)

    found = match(event, [ALL, POSTS, ONE])

    assert [endpoint_id for _, endpoint_id in found] == heard_by
    assert len({delivery_id for delivery_id, _ in found}) == len(found)
