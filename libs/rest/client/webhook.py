"""For receivers: what we delivered, told apart from what somebody else did."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol, cast

from pydantic import ValidationError

from libs.rest.events import EventAnswer
from libs.signing import ID_HEADER, TIMESTAMP_HEADER, VerifyingKey, parse_public_key, parse_secret, verify
from libs.signing.errors import MalformedSignature

TOLERANCE_S: Final = 300


class Headers(Protocol):
    """What every web framework has; a name may come twice."""

    def items(self) -> Iterable[tuple[str, str]]: ...


class Webhook(EventAnswer):
    """A delivery that we signed. `sent_at` is this try's time, the same event may come again with a later one.

    Delivery is at least once: keep `id` under a unique index, in the transaction that does the work, and answer 200
    without doing it where it is there already. `id` is the `webhook-id`, the same on every try and every replay.
    """

    sent_at: datetime


class WebhookVerifier:
    """Checks deliveries with the secrets of an endpoint: one, or while you rotate both (`whsec_…`, `whpk_…`).

    Raises `libs.signing.BadSecret` when made with what is no secret.
    """

    def __init__(
        self,
        *secrets: str,
        tolerance_s: int = TOLERANCE_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not secrets:
            raise ValueError("without a secret nothing can be told apart")
        self._keys = [_key(secret) for secret in secrets]
        self._tolerance_s = tolerance_s
        self._now = now

    def verify(self, body: bytes, headers: Headers) -> Webhook:
        """The event in the raw body, as it came; raises `SignatureError` unless we signed exactly these bytes lately.

        Header names in any case; any mapping of a web framework's will do.
        """
        # Not a dict of them: that would hide a header that was given twice.
        verify(body, cast(Mapping[str, str], headers), keys=self._keys, now=self._now(), tolerance_s=self._tolerance_s)
        named = {name.lower(): value for name, value in headers.items()}
        try:
            event = EventAnswer.model_validate_json(body)
        except ValidationError:
            raise MalformedSignature("the signed body is no event") from None
        if event.id != named[ID_HEADER]:
            raise MalformedSignature(f"{ID_HEADER} names another event than the body")
        return Webhook(**dict(event), sent_at=datetime.fromtimestamp(int(named[TIMESTAMP_HEADER]), UTC))

    def __repr__(self) -> str:
        return f"WebhookVerifier({len(self._keys)} keys)"


def _key(text: str) -> VerifyingKey:
    return parse_public_key(text) if text.startswith("whpk_") else parse_secret(text)
