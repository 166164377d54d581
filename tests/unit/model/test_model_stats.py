"""Who is asked about when numbers are due, and what is told of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from libs.model.account import Account, AccountState
from libs.model.event_type import EventType
from libs.model.stats import FAILING_PAUSE, Plan, Taken, Watch, numbers_of, plan, told
from libs.tiktok.display import User
from tests.each import each

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
KEEP = timedelta(days=30)
ITSELF = Watch("acc_1", "", "acc_1", "cus_1", NOW)
VIDEO = Watch("post_1", "7438211111111111111", "acc_1", "cus_1", NOW - timedelta(days=29))
OLD = replace(VIDEO, subject="post_2", since=NOW - KEEP)
ACCOUNT = Account(
    "acc_1", "cus_1", "ck", "o", AccountState.CONNECTED, ("user.info.stats", "video.list"), NOW, 1
)  # fmt: skip


def rest(*watches: Watch, until: datetime | None = None) -> tuple[Taken, ...]:
    return tuple(Taken(watch, until) for watch in watches)


@each(
    "change, wanted",
    [
        ({}, Plan(ITSELF, (VIDEO,), rest(OLD))),
        ({"scopes": ("video.list",)}, Plan(None, (VIDEO,), rest(ITSELF, OLD))),
        ({"scopes": ("user.info.stats",)}, Plan(ITSELF, (), rest(VIDEO, OLD))),
        ({"state": AccountState.REAUTHORIZATION_REQUIRED}, Plan(settled=rest(ITSELF, VIDEO, OLD))),
        ({"state": AccountState.DISCONNECTED}, Plan(settled=rest(ITSELF, VIDEO, OLD))),
        ({"refreshes_failed": 1}, Plan(settled=rest(ITSELF, VIDEO, OLD, until=NOW + FAILING_PAUSE))),
    ],
)
def test_only_what_an_account_in_good_health_has_opened_is_asked_about(change: dict[str, Any], wanted: Plan) -> None:
    assert plan(replace(ACCOUNT, **change), [ITSELF, VIDEO, OLD], keep_on=KEEP, now=NOW) == wanted


def test_what_tiktok_did_not_tell_is_absent_and_no_zero() -> None:
    names = ("follower_count", "likes_count")

    assert numbers_of(User(likes_count=2**53 + 1), names) == {"likes_count": 2**53 + 1}
    assert numbers_of(User(follower_count=0), names) == {"follower_count": 0}
    assert numbers_of(User(), names) is None


def test_the_event_of_a_snapshot_names_the_moment_and_the_public_id_as_a_text() -> None:
    one = told(Taken(VIDEO, None, {"view_count": 5}), at=NOW)
    same, next_ = told(Taken(VIDEO, None, {"view_count": 6}), at=NOW), told(Taken(VIDEO, None, {}), at=NOW + KEEP)

    assert (one.type, one.post_id, one.key) == (EventType.POST_STATS, "post_1", same.key)
    assert next_.key != one.key
    data = orjson.loads(one.body)["data"]
    assert data["tiktok_post_id"] == VIDEO.tiktok_post_id and data["stats"] == {"view_count": 5}
    assert told(Taken(ITSELF, None, {}), at=NOW).type is EventType.ACCOUNT_STATS
