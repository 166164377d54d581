"""One try of one delivery: sign, POST through the guard, judge the answer."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from libs.egress import Answered, Failed, FailureKind, GuardedClient, Outcome
from libs.model.delivery import Verdict, delivered, judge
from libs.model.endpoint import Endpoint, Naming, Payload
from libs.model.event import thin
from libs.model.ids import new_id, number_of
from libs.model.naming import spoken
from libs.signing import parse_secret, sign
from libs.signing.secret import SigningSecret
from libs.store.deliveries import Claimed, Settled

RESPONSE_MAX = 16 * 1024
STOOD_STILL_S = 1.0
"""A request that ends so much later than it could was not watched: this process was frozen or starved meanwhile."""


class Destination:
    """An endpoint with everything prepared that its deliveries share. `timeout_max` bounds its own timeout, in seconds,
    `concurrency` its own limit.
    """

    def __init__(self, endpoint: Endpoint, *, timeout_max: float, concurrency: int, now: datetime) -> None:
        self.url = endpoint.url
        self.version = endpoint.version
        self.timeout_s = min(endpoint.timeout_s, timeout_max)
        self.timeout = timedelta(seconds=self.timeout_s)
        self.secrets: list[SigningSecret] = [parse_secret(secret.text) for secret in endpoint.live(now)]
        self.schedule = endpoint.schedule
        self.thin = endpoint.payload is Payload.THIN
        self.renamed = endpoint.naming is Naming.POSTPROXY
        self.concurrency = min(endpoint.concurrency or concurrency, concurrency)
        self.headers = {**endpoint.headers, "content-type": "application/json"}


class Message(NamedTuple):
    """What goes out for a delivery, signed at a moment."""

    delivery: Claimed
    to: Destination
    at: datetime
    body: bytes
    headers: Mapping[str, str]


class Tried(NamedTuple):
    """One try. What is kept of it (`kept_of`) is made for many at once, which costs less than between two requests."""

    delivery: Claimed
    verdict: Verdict
    began: datetime
    outcome: Outcome


def write(delivery: Claimed, to: Destination, at: datetime) -> Message:
    """The message of one try, signed for the second of `at`."""
    told = spoken(delivery.body) if to.renamed else delivery.body
    body = thin(told) if to.thin else told.encode()
    event_id = delivery.event_id
    headers = {
        **to.headers,
        **sign(to.secrets, message_id=event_id, timestamp=int(at.timestamp()), body=body),
        "traceparent": traceparent(event_id),
    }
    return Message(delivery, to, at, body, headers)


async def deliver(
    message: Message,
    egress: GuardedClient,
    *,
    began: datetime,
    now: Callable[[], datetime],
    down: bool = False,
    excused: bool = False,
) -> Tried | None:
    """Sends it once. None when that says nothing of the endpoint: no connection of ours was free, or this process stood
    still and nobody knows what came of it. No try is spent then.

    `began`: this moment. `down`: whether a failure would leave its endpoint's circuit open. `excused`: whether a try
    was given back like that already and nothing has gone well since: a process that is always late would else never say
    that an endpoint hangs.
    """
    delivery, to = message.delivery, message.to
    outcome = await egress.post(to.url, body=message.body, headers=message.headers, timeout_s=to.timeout_s)
    if isinstance(outcome, Failed) and _says_nothing(outcome, to, excused=excused):
        return None
    error = _error(outcome)
    verdict = delivered(status=outcome.status, error=error) or judge(
        status=outcome.status,
        error=error,
        retry_after=outcome.retry_after,
        tries=delivery.tries + 1,
        now=now(),
        schedule=to.schedule,
        down=down,
    )
    return Tried(delivery, verdict, began, outcome)


def kept_of(tried: Tried) -> Settled:
    """What is kept of a try."""
    delivery, verdict, began, outcome = tried
    return Settled(
        delivery,
        verdict,
        new_id("att", began),
        began,
        round(outcome.timings.total_ms),
        outcome.status,
        _error(outcome),
        _text(outcome.body) if isinstance(outcome, Answered) else "",
        _detail(outcome),
    )


def traceparent(event_id: str) -> str:
    """W3C trace context: one trace per event, whose id is the event's own read as a number; one span per try."""
    trace = number_of(event_id) % 2**128
    return f"00-{trace or 1:032x}-{random.getrandbits(64) or 1:016x}-01"


def _detail(outcome: Outcome) -> str:
    """What else there is to know of a try, as JSON. Of a reused connection only the first byte was waited for."""
    timings = outcome.timings
    first = timings.first_byte_ms
    known: dict[str, object] = {"first_byte_ms": first and round(first, 2), "reused": timings.reused}
    if not timings.reused:
        for name in ("dns_ms", "connect_ms", "tls_ms"):
            value: float | None = getattr(timings, name)
            known[name] = value and round(value, 2)
    if isinstance(outcome, Failed):
        known["detail"] = outcome.detail
    else:
        known["headers"] = outcome.headers
        if outcome.truncated:
            known["truncated"] = True
    return orjson.dumps(known).decode()


def _says_nothing(outcome: Failed, to: Destination, *, excused: bool) -> bool:
    if outcome.kind is FailureKind.POOL:
        return True
    late = outcome.timings.total_ms > (to.timeout_s + STOOD_STILL_S) * 1_000
    return late and outcome.status is None and not excused


def _error(outcome: Outcome) -> str | None:
    if isinstance(outcome, Answered):
        return None
    if outcome.refusal is not None:
        return f"{outcome.kind}:{outcome.refusal.reason}"
    return str(outcome.kind)


def _text(body: bytes) -> str:
    """What fits a text column: the cap is the client's, NUL and broken UTF-8 are shown as what they are."""
    return body[:RESPONSE_MAX].decode("utf-8", "backslashreplace").replace("\x00", "\\x00") if body else ""
