"""One try: what goes out for an endpoint, what each outcome means, and what is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
import pytest

from libs import signing
from libs.egress import Answered, Failed, FailureKind, GuardedClient, Outcome, Reason, Refusal, Timings
from libs.model.circuit import OPEN_AFTER
from libs.model.delivery import JITTER, SLOW_DOWN, DeliveryState
from libs.model.endpoint import SCHEDULE, Endpoint, EndpointState, Payload, Secret
from libs.model.ids import new_id
from libs.store.deliveries import Claimed, Settled
from services.notifier.deliver import Destination, deliver, kept_of, write
from services.notifier.lane import Lane
from services.notifier.past import Past

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
SHARED, PAIR = signing.new_secret(), signing.new_signing_key()
BODY = (
    '{"id":"evt_1","type":"post.failed","timestamp":"t","data":{"post_id":"post_1","account_id":"acc_1","problem":{}}}'
)


@dataclass
class Wire:
    """What stands for the customer's server: one outcome for every request, and the requests."""

    outcome: Outcome
    sent: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Outcome:
        self.sent.append((body, headers))
        return self.outcome


def answer(status: int = 200, **more: Any) -> Answered:
    return Answered(
        status, more.pop("headers", {}), b"said", False, more.pop("retry_after", None), Timings(12.0, **more)
    )


def endpoint(**more: Any) -> Endpoint:
    secrets = more.pop("secrets", (Secret(SHARED.reveal()),))
    return Endpoint("end_1", "cus_1", "https://a.example", ("*",), EndpointState.ENABLED, secrets, **more)


async def tried(
    wire: Wire, to: Endpoint | None = None, *, tries: int = 0, now: datetime = NOW, excused: bool = False
) -> Settled | None:
    delivery = Claimed(new_id("dlv", NOW), NOW.date(), 1, "end_1", new_id("evt", NOW), tries, BODY, NOW)
    destination = Destination(to or endpoint(), timeout_max=60, concurrency=50, now=now)
    message = write(delivery, destination, now)
    one = await deliver(message, cast("GuardedClient", wire), began=now, now=lambda: now, excused=excused)
    return one and kept_of(one)


async def test_every_live_key_signs_and_an_ended_one_does_not() -> None:
    other, wire = signing.new_secret(), Wire(answer())
    secrets = (
        Secret(SHARED.reveal()),
        Secret(PAIR.reveal()),
        Secret(other.reveal(), until=NOW + timedelta(seconds=1)),
    )

    await tried(wire, endpoint(secrets=secrets))
    await tried(wire, endpoint(secrets=secrets), now=NOW + timedelta(seconds=1))

    (body, headers), (_, later) = wire.sent
    for key in (SHARED, PAIR, PAIR.public, other):
        signing.verify(body, headers, keys=[key], now=NOW)
    assert len(later["webhook-signature"].split(" ")) == 2
    with pytest.raises(signing.NoMatchingSignature):
        signing.verify(body, later, keys=[other], now=NOW)


async def test_a_thin_payload_has_ids_and_is_signed_as_it_goes_out() -> None:
    wire = Wire(answer())

    await tried(wire, endpoint(payload=Payload.THIN))
    await tried(wire, endpoint(payload=Payload.THIN), tries=1)

    (first, headers), (second, _) = wire.sent
    assert orjson.loads(first) == orjson.loads(BODY) | {"data": {"post_id": "post_1", "account_id": "acc_1"}}
    assert first == second
    signing.verify(first, headers, keys=[SHARED], now=NOW)


async def test_headers_of_its_own_go_out_beside_ours() -> None:
    wire = Wire(answer())

    await tried(wire, endpoint(headers={"Authorization": "Bearer theirs"}))

    ((_, headers),) = wire.sent
    assert headers["Authorization"] == "Bearer theirs"
    assert headers["content-type"] == "application/json"
    assert {"webhook-id", "webhook-timestamp", "webhook-signature", "traceparent"} <= set(headers)


ERRORS = [kind for kind in FailureKind if kind is not FailureKind.POOL]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("tries", [0, 3, len(SCHEDULE) - 1])
async def test_every_error_of_the_network_has_its_verdict_and_next_time(kind: FailureKind, tries: int) -> None:
    refusal = Refusal(Reason.ADDRESS, "inside") if kind is FailureKind.BLOCKED else None

    settled = await tried(Wire(Failed(kind, "words for the owner", Timings(9.0), refusal)), tries=tries)

    assert settled is not None
    verdict = settled.verdict
    assert settled.error == (f"{kind}:address" if refusal else str(kind)) and str(kind) in verdict.why
    assert not verdict.healthy and not verdict.gone and verdict.pause_until is None
    assert orjson.loads(settled.detail)["detail"] == "words for the owner"
    if tries + 1 < len(SCHEDULE):
        wait = SCHEDULE[tries + 1]
        assert verdict.state is DeliveryState.PENDING
        assert verdict.alarm is not None and NOW + wait <= verdict.alarm <= NOW + wait * (1 + JITTER)
    else:
        assert (verdict.state, verdict.alarm) == (DeliveryState.EXHAUSTED, None)


async def test_for_want_of_a_connection_of_ours_no_try_is_spent() -> None:
    assert await tried(Wire(Failed(FailureKind.POOL, "full", Timings(9.0)))) is None


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.RESET])
async def test_what_this_process_missed_while_it_stood_still_is_no_failure_of_the_endpoint(kind: FailureKind) -> None:
    in_time, late = Timings(15_100.0), Timings(24_000.0)

    assert await tried(Wire(Failed(kind, "gone by", in_time))) is not None
    assert await tried(Wire(Failed(kind, "gone by", late))) is None
    assert await tried(Wire(Failed(kind, "gone by", late, status=500))) is not None, "that was its own word"
    assert await tried(Wire(Failed(kind, "gone by", late)), excused=True) is not None, "it was excused before"


@pytest.mark.parametrize(("status", "pauses", "gone"), [(200, False, False), (503, True, False), (410, False, True)])
async def test_an_answer_that_breaks_off_is_a_failure_and_its_status_still_counts(
    status: int, pauses: bool, gone: bool
) -> None:
    broken = Failed(FailureKind.RESET, "broke off", Timings(9.0), status=status, retry_after="60")

    settled = await tried(Wire(broken))

    assert settled is not None and not settled.verdict.healthy
    assert (settled.status, settled.error) == (status, "reset")
    assert (settled.verdict.pause_until is not None, settled.verdict.gone) == (pauses, gone)
    assert settled.verdict.alarm is not None and settled.verdict.alarm >= NOW + timedelta(seconds=60)
    waits = "the endpoint is disabled" if gone else "waits as Retry-After asks"
    assert settled.verdict.why == f"answered {status}, then reset; {waits}"


async def test_its_own_schedule_is_the_one_that_counts() -> None:
    own = endpoint(schedule=(timedelta(0), timedelta(seconds=100)))

    first = await tried(Wire(answer(500)), own)
    last = await tried(Wire(answer(500)), own, tries=1)

    assert first is not None and first.verdict.alarm is not None and last is not None
    assert timedelta(seconds=100) <= first.verdict.alarm - NOW <= timedelta(seconds=120)
    assert last.verdict.state is DeliveryState.EXHAUSTED


async def test_a_try_keeps_the_times_of_its_phases_and_the_headers_that_explain_it() -> None:
    new = answer(
        503, headers={"server": "x", "retry-after": "9"}, dns_ms=1.234, connect_ms=2.0, tls_ms=3.0, first_byte_ms=9.5
    )
    used = answer(first_byte_ms=4.0, reused=True)

    one, two = await tried(Wire(new)), await tried(Wire(used))

    assert one is not None and two is not None
    assert orjson.loads(one.detail) == {
        "dns_ms": 1.23, "connect_ms": 2.0, "tls_ms": 3.0, "first_byte_ms": 9.5, "reused": False,
        "headers": {"server": "x", "retry-after": "9"},
    }  # fmt: skip
    assert orjson.loads(two.detail) == {"first_byte_ms": 4.0, "reused": True, "headers": {}}
    assert one.ms == 12 and one.response == "said"
    assert one.verdict.pause_until == NOW + SLOW_DOWN


def test_a_lane_gives_way_to_failures_and_comes_back_with_successes() -> None:
    lane = Lane("end_1", most=8, past=Past(room=8))

    rooms = []
    for well in (False, False, False, False, True, True, False):
        lane.went(well=well)
        rooms.append(lane.room)

    assert rooms == [4, 2, 1, 1, 2, 3, 1]
    assert lane.failures == 1
    assert Lane("end_1", most=8, failures=OPEN_AFTER).room == 1


def test_what_an_endpoint_may_have_at_once_changes_with_it_and_is_used_by_and_by() -> None:
    lane = Lane("end_1", most=8, past=Past(room=8))

    lane.allow(20)
    lane.went(well=True)
    assert (lane.room, lane.most) == (9, 20)
    lane.allow(3)
    assert (lane.room, lane.most) == (3, 3)
