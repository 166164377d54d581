"""One try of one delivery: sign, POST through the guard, judge the answer."""

import hashlib
import random
from collections.abc import Callable
from datetime import datetime

from libs.egress import Answered, Failed, FailureKind, GuardedClient
from libs.model.delivery import judge
from libs.model.endpoint import Endpoint
from libs.model.ids import new_id
from libs.signing import parse_secret, sign
from libs.signing.secret import SigningSecret
from libs.store.deliveries import Claimed, Settled

RESPONSE_MAX = 16 * 1024


class Destination:
    """An endpoint with its keys prepared. `timeout_max` bounds the endpoint's own timeout, in seconds."""

    def __init__(self, endpoint: Endpoint, *, timeout_max: float) -> None:
        self.url = endpoint.url
        self.timeout_s = min(endpoint.timeout_s, timeout_max)
        self.secrets: list[SigningSecret] = [parse_secret(secret) for secret in endpoint.secrets]


async def deliver(
    delivery: Claimed, to: Destination, egress: GuardedClient, *, now: Callable[[], datetime]
) -> Settled | None:
    """Sends it once. None when it was not sent for want of a connection of ours: no try is spent."""
    began = now()
    body = delivery.body.encode()
    headers = sign(to.secrets, message_id=delivery.event_id, timestamp=int(began.timestamp()), body=body)
    headers["content-type"] = "application/json"
    headers["traceparent"] = traceparent(delivery.event_id)
    outcome = await egress.post(to.url, body=body, headers=headers, timeout_s=to.timeout_s)
    ended = now()
    error: str | None = None
    response = ""
    match outcome:
        case Failed(kind=FailureKind.POOL):
            return None
        case Failed():
            error = _error(outcome)
        case Answered():
            response = _text(outcome.body)
    verdict = judge(
        status=outcome.status if error is None else None,
        error=error,
        retry_after=outcome.retry_after,
        tries=delivery.tries + 1,
        now=ended,
    )
    return Settled(
        delivery=delivery,
        verdict=verdict,
        attempt_id=new_id("att", began),
        at=began,
        ms=round(outcome.timings.total_ms),
        status=outcome.status,
        error=error,
        response=response,
    )


def traceparent(event_id: str) -> str:
    """W3C trace context: one trace per event, one span per try."""
    return f"00-{hashlib.sha256(event_id.encode()).hexdigest()[:32]}-{random.getrandbits(64) or 1:016x}-01"


def _error(outcome: Failed) -> str:
    if outcome.refusal is not None:
        return f"{outcome.kind}:{outcome.refusal.reason}"
    return str(outcome.kind)


def _text(body: bytes) -> str:
    """What fits a text column: the cap is the client's, NUL and broken UTF-8 are shown as what they are."""
    return body[:RESPONSE_MAX].decode("utf-8", "backslashreplace").replace("\x00", "\\x00") if body else ""
