"""What a lane hands out: messages in order, signed for their second, for the endpoint as it is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs import signing
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.ids import new_id
from libs.store.deliveries import Claimed
from services.notifier.deliver import Destination, traceparent
from services.notifier.lane import FRESH, WRITTEN_WITH_IT, Lane, Waiting

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
LEASE = NOW + timedelta(days=1)
IMPOSSIBLE = "evt.1"
"""No id that can be signed."""


def destination() -> tuple[Destination, signing.SharedSecret]:
    secret = signing.new_secret()
    endpoint = Endpoint(
        "end_1", "cus_1", "https://a.example", ("*",), EndpointState.ENABLED, (Secret(secret.reveal()),)
    )
    return Destination(endpoint, timeout_max=15, concurrency=50, now=NOW), secret


def lane_of(*event_ids: str, lease: datetime = LEASE) -> Lane:
    lane = Lane("end_1", most=50)
    for n, event_id in enumerate(event_ids):
        lane.waiting.append(Waiting(Claimed(f"dlv_{n}", NOW.date(), 1, "end_1", event_id, 0, "{}", NOW), lease))
    return lane


@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=1, max_size=60))
def test_every_message_is_signed_for_its_second_with_the_keys_its_endpoint_has(
    steps: list[tuple[float, bool]],
) -> None:
    lane, now = lane_of(*(f"evt_{n}" for n in range(len(steps)))), NOW
    to, secret = destination()

    for n, (seconds, changed) in enumerate(steps):
        now += timedelta(seconds=seconds)
        if changed:
            to, secret = destination()
        message = lane.take(to, now)

        assert message is not None and message.delivery.id == f"dlv_{n}"
        assert message.to is to and abs(message.at - now) <= FRESH
        signing.verify(message.body, message.headers, keys=[secret], now=now, tolerance_s=2)
        assert message.headers["webhook-id"] == f"evt_{n}"


def test_one_of_which_no_message_can_be_made_keeps_no_other_from_going_out() -> None:
    to, _ = destination()
    ids = ["evt_0", IMPOSSIBLE, *(f"evt_{n}" for n in range(2, 2 * WRITTEN_WITH_IT)), IMPOSSIBLE]
    lane = lane_of(*ids)

    taken = [lane.take(to, NOW) for _ in ids]

    assert [message and message.headers["webhook-id"] for message in taken] == [
        None if id_ == IMPOSSIBLE else id_ for id_ in ids
    ]


def test_what_could_not_end_within_its_lease_or_has_nowhere_to_go_is_not_begun() -> None:
    to, _ = destination()

    assert lane_of("evt_1", lease=NOW + to.timeout).take(to, NOW) is None
    assert lane_of("evt_1", lease=NOW + to.timeout + timedelta(milliseconds=1)).take(to, NOW) is not None
    assert lane_of("evt_1").take(None, NOW) is None


def test_the_tries_of_an_event_are_spans_of_one_trace_and_two_events_are_two_traces() -> None:
    one, other = new_id("evt", NOW), new_id("evt", NOW)

    (_, trace, span, _), (_, again, next_span, _) = traceparent(one).split("-"), traceparent(one).split("-")

    assert trace == again and span != next_span
    assert (len(trace), len(span)) == (32, 16) and int(trace, 16) and int(span, 16)
    assert traceparent(other).split("-")[1] != trace
