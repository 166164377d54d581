"""How customers' endpoints are treated: patiently, on schedule, and as a whole."""

from datetime import datetime
from typing import Any

import pytest
from flow_house import Guest, Stage

from libs.model.circuit import OPEN_AFTER
from libs.model.endpoint import SCHEDULE
from libs.model.event import EventType, event
from libs.model.sample import DATA
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND_TRY_S = 6.5
DAY_S = 86_400
JITTER = 1.2
AT_ONCE = 50
"""Requests under way at once to one endpoint."""


def waited(delivery: dict[str, Any]) -> float:
    """Seconds from the last try to the next."""
    last = datetime.fromisoformat(delivery["attempts"][-1]["at"])
    return (datetime.fromisoformat(delivery["next_try_at"]) - last).total_seconds()


# What counts as delivered


async def test_a_redirect_is_a_failure_and_is_not_followed(stage: Stage, guest: Guest) -> None:
    elsewhere = f"{stage.urls['simulator']}/_sim/customer/elsewhere-{guest.name}"
    await guest.answers(*({"status": status, "redirect": elsewhere} for status in (301, 302, 307, 308)))
    event_id = await guest.test_event()

    tries = 1
    for wait in SCHEDULE[1:5]:
        found = await guest.tried(event_id, tries)
        assert found["state"] == "pending"
        await stage.advance(wait.total_seconds() * JITTER + 1)
        tries += 1

    found = await guest.tried(event_id, 5)
    assert [attempt["status"] for attempt in found["attempts"]] == [301, 302, 307, 308, 200]
    assert (await stage.sim("GET", f"customer/elsewhere-{guest.name}/inbox"))["items"] == []


@pytest.mark.waits_long
@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"status": 500}, 500, None),
        ({"status": 404}, 404, None),
        ({"status": 304}, 304, None),
        ({"reset": True}, None, "reset"),
        ({"delay_s": 60.0}, None, "timeout"),
        ({"slow_s": 60.0, "body": "too slow"}, 200, "timeout"),
        ({"huge_header_bytes": 100_000}, None, "headers_too_large"),
    ],
)
async def test_anything_but_a_whole_2xx_in_time_is_a_failure_and_tried_again_with_the_same_id(
    stage: Stage, answer: dict[str, Any], status: int | None, error: str | None
) -> None:
    # A test is asked for by a person, and goes where it is asked for whatever the endpoint wants to hear.
    guest = await stage.guest(endpoint={"events": ["post.*"], **({"timeout_s": 1.0} if error == "timeout" else {})})
    await guest.answers(**answer)
    event_id = await guest.test_event()
    first = await guest.tried(event_id, 1)
    await guest.answers(status=200)
    await stage.api("PATCH", f"endpoints/{guest.endpoint_id}", {"timeout_s": 15.0})

    await stage.advance(SECOND_TRY_S)

    second = await guest.tried(event_id, 2)
    assert (first["attempts"][0]["status"], first["attempts"][0]["error"]) == (status, error)
    assert 5 <= waited(first) <= 5 * JITTER
    assert (second["state"], second["attempts"][1]["status"]) == ("delivered", 200)
    arrived = [item for item in await guest.inbox() if item["type"] == "webhook.test"]
    assert {item["id"] for item in arrived} == {event_id}
    stamps = [int(item["headers"]["webhook-timestamp"]) for item in arrived]
    assert stamps[-1] - stamps[0] in (6, 7)


async def test_any_2xx_is_delivered_however_long_its_body(stage: Stage, guest: Guest) -> None:
    await guest.answers({"status": 204}, {"status": 202, "huge_bytes": 1_000_000}, {"gzip_bomb_bytes": 10_000_000})

    events = [await guest.test_event() for _ in range(3)]

    for event_id in events:
        found = await guest.tried(event_id, 1)
        assert found["state"] == "delivered"
        assert len(found["attempts"][0]["response"]) <= 4 * 16 * 1024


# When it is tried again


@pytest.mark.row("SA-60")
async def test_tries_follow_the_schedule_to_its_end_and_one_by_hand_is_still_possible(stage: Stage) -> None:
    """One less than would open its circuit: while that is open nothing is given up."""
    schedule = SCHEDULE[: OPEN_AFTER - 1]
    guest = await stage.guest(endpoint={"schedule_s": [int(wait.total_seconds()) for wait in schedule]})
    await guest.heard()
    await guest.answers(status=500)
    event_id = await guest.test_event()
    for n, wait in enumerate(schedule[1:], start=1):
        found = await guest.tried(event_id, n)
        assert wait.total_seconds() <= waited(found) <= wait.total_seconds() * JITTER
        await stage.advance(waited(found) - 0.5)
        assert (await guest.tried(event_id, n))["state"] == "pending"
        await stage.advance(0.51)  # the api tells times in whole milliseconds
    exhausted = await guest.tried(event_id, len(schedule))
    await stage.advance(DAY_S)
    assert (await guest.tried(event_id, len(schedule)))["state"] == "exhausted"
    await guest.answers(status=200)

    await stage.api("POST", f"deliveries/{exhausted['id']}/redeliver", status=202)

    found = await guest.tried(event_id, len(schedule) + 1)
    assert (exhausted["state"], found["state"]) == ("exhausted", "delivered")
    arrived = [item["id"] for item in await guest.inbox("webhook.test")]
    assert arrived == [event_id] * (len(schedule) + 1)


async def test_what_was_delivered_can_be_sent_again_by_hand_under_the_same_id(stage: Stage, guest: Guest) -> None:
    event_id = await guest.test_event()
    delivered = await guest.tried(event_id, 1)

    await stage.api("POST", f"deliveries/{delivered['id']}/redeliver", status=202)

    assert (await guest.tried(event_id, 2))["state"] == "delivered"
    first, second = await guest.inbox("webhook.test")
    assert (first["id"], first["json"]) == (second["id"], second["json"])


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_holds_the_whole_endpoint_back_and_nobody_else(
    stage: Stage, guest: Guest, status: int
) -> None:
    other = await stage.guest()
    await guest.answers({"status": status, "retry_after": "100"})
    refused = await guest.test_event()
    first = await guest.tried(refused, 1)

    behind, elsewhere = await guest.test_event(), await other.test_event()
    await other.tried(elsewhere, 1)
    await stage.advance(99)
    held_back = [len((await guest.tried(event_id, n))["attempts"]) for event_id, n in ((refused, 1), (behind, 0))]
    await stage.advance(22)

    assert waited(first) >= 100
    assert held_back == [1, 0]
    assert (await guest.tried(refused, 2))["state"] == "delivered"
    assert (await guest.tried(behind, 1))["state"] == "delivered"


async def test_retry_after_as_a_date_is_not_tried_early_and_a_year_counts_as_a_day(stage: Stage, guest: Guest) -> None:
    await guest.answers({"status": 500, "retry_after": "Sat, 20 Nov 2027 09:30:00 GMT"})
    event_id = await guest.test_event()

    found = await guest.tried(event_id, 1)

    assert DAY_S <= waited(found) <= DAY_S * JITTER


@pytest.mark.parametrize("status", [429, 410])
async def test_what_had_been_taken_for_an_endpoint_stays_when_it_asks_for_peace(
    stage: Stage, guest: Guest, status: int
) -> None:
    """Many deliveries are claimed at once: the first such answer is for all of them, and spends nobody else's try."""
    await guest.answers(status=status, retry_after="100")
    data = DATA[EventType.WEBHOOK_TEST]
    backlog = [
        event(EventType.WEBHOOK_TEST, key=f"{guest.name}:{n}", now=stage.now, data=data, customer_id=guest.customer_id)
        for n in range(4 * AT_ONCE)
    ]

    await stage.house.store.events.record(backlog, now=stage.now)
    await stage.quiet()

    arrived = len(await guest.inbox("webhook.test"))
    tries = await stage.row("select sum(tries) as all from deliveries where endpoint_id = $1", guest.endpoint_id)
    assert 1 <= arrived <= AT_ONCE
    assert tries["all"] == arrived


# When it is given up


async def test_410_disables_the_endpoint_with_a_notice_and_keeps_its_events(stage: Stage, guest: Guest) -> None:
    spare = await stage.guest(customer_id=guest.customer_id, endpoint={"events": ["endpoint.*"]})
    await guest.heard()
    await guest.answers({"status": 410})
    gone = await guest.test_event()
    once = await guest.tried(gone, 1)
    [notice] = await spare.inbox("endpoint.disabled")
    endpoint = await stage.api("GET", f"endpoints/{guest.endpoint_id}")
    await guest.published()
    await stage.advance(DAY_S)
    await stage.quiet()
    meanwhile = await guest.inbox()
    kept = (await stage.api("GET", f"deliveries?endpoint_id={guest.endpoint_id}&state=pending"))["data"]

    await stage.api("POST", f"endpoints/{guest.endpoint_id}/enable", status=200)

    await guest.tried(gone, 2)
    await stage.quiet()
    assert notice["json"]["data"]["endpoint_id"] == guest.endpoint_id
    assert (endpoint["state"], endpoint["reason"]) == ("disabled", "answered 410 Gone")
    assert [(one["why"], one["next_at"]) for one in once["attempts"]] == [
        ("answered 410; the endpoint is disabled", None)
    ]
    assert len(kept) > 1 and {one["next_try_at"] for one in (once, *kept)} == {None}
    assert [item["type"] for item in meanwhile] == ["account.connected", "webhook.test"]
    assert "post.published" in [item["type"] for item in await guest.inbox()]


async def test_an_endpoint_that_fails_and_fails_is_left_in_peace_then_probed_and_hears_all(stage: Stage) -> None:
    guest = await stage.guest()
    await guest.heard()
    await guest.answers(status=500)
    events = [await guest.test_event() for _ in range(OPEN_AFTER)]
    for event_id in events:
        await guest.tried(event_id, 1)
    later = [await guest.test_event() for _ in range(5)]
    await stage.advance(60)
    await stage.quiet()
    found = [await guest.delivery(event_id) for event_id in (*events, *later)]
    meanwhile = [one["tries"] for one in found]
    soonest = min(datetime.fromisoformat(one["next_try_at"]) for one in found)
    await guest.answers(status=200)

    assert soonest > stage.now
    await stage.advance(61)

    async def delivered() -> bool:
        await stage.quiet()
        states = [(await guest.delivery(event_id))["state"] for event_id in (*events, *later)]
        return set(states) == {"delivered"}

    await eventually(delivered)
    assert meanwhile == [1] * OPEN_AFTER + [0] * 5


async def test_a_slow_endpoint_keeps_nobody_else_waiting(stage: Stage, guest: Guest) -> None:
    slow = await stage.guest()
    await slow.answers(delay_s=60)
    late = [await slow.test_event() for _ in range(5)]

    event_id = await guest.test_event()

    async def arrived() -> bool:
        return event_id in [item["id"] for item in await guest.inbox("webhook.test")]

    await eventually(arrived)
    assert [(await slow.delivery(id_))["state"] for id_ in late] == ["pending"] * 5
    await slow.answers(status=200)
    for id_ in late:
        assert (await slow.tried(id_, 1))["state"] == "delivered"
