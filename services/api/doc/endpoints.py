"""Endpoints: where a customer wants to hear."""

from typing import Final

from libs.model.endpoint import SCHEDULE, DisabledFor, EndpointState, Order, Payload, Scheme
from libs.rest.code import Code
from libs.rest.endpoints import (
    EndpointAnswer,
    EndpointChange,
    EndpointCreated,
    EndpointNew,
    PublicKeyAnswer,
    PublicKeys,
    Rotation,
    SigningKeyAnswer,
    TestAccepted,
)
from libs.rest.shape import Page
from services.api.doc.sample import CUSTOMER, ENDPOINT, EVENT, WHEN
from services.api.doc.shape import Doc, Example

SECRET: Final = "whsec_c2hvd24tb25jZS1hbmQtbmV2ZXItYWdhaW4tYnl0ZXM="  # noqa: S105 (a picture of one)
PUBLIC_KEY: Final = "whpk_cGljdHVyZS1vZi1hbi1lZDI1NTE5LXB1YmxpYy1rZXk="
_HOOK: Final = EndpointAnswer(
    id=ENDPOINT,
    customer_id=CUSTOMER,
    url="https://hooks.acme.example/clipwire",
    events=("post.*", "account.*", "webhook.test"),
    description="Our shop",
    accounts=(),
    header_names=("X-Shop",),
    payload=Payload.FULL,
    signing_keys=(
        SigningKeyAnswer(signature=Scheme.V1, public_key=None, signs_until=None),
        SigningKeyAnswer(signature=Scheme.V1A, public_key=PUBLIC_KEY, signs_until=None),
    ),
    schedule_s=tuple(int(wait.total_seconds()) for wait in SCHEDULE),
    timeout_s=15.0,
    rate_per_s=None,
    concurrency=None,
    disable_after_days=5.0,
    ordering=Order.NONE,
    state=EndpointState.ENABLED,
    reason=None,
    disabled_for=None,
    failing_since=None,
    created_at=WHEN,
)
_CREATED: Final = EndpointCreated(**dict(_HOOK), secret=SECRET)
_ENDING: Final = tuple(key.model_copy(update={"signs_until": WHEN}) for key in _HOOK.signing_keys)

CREATE: Final = Doc(
    summary="Register an endpoint",
    body=EndpointNew,
    answers={201: EndpointCreated},
    problems=(Code.TOO_MANY_ENDPOINTS,),
    examples=(
        Example(
            201,
            _CREATED,
            {
                "customer_id": CUSTOMER,
                "url": _HOOK.url,
                "events": list(_HOOK.events),
                "description": "Our shop",
                "headers": {"X-Shop": "boots"},
                "signatures": ["v1", "v1a"],
            },
        ),
    ),
)
LISTED: Final = Doc(
    summary="List endpoints",
    answers={200: Page[EndpointAnswer]},
    examples=(Example(200, Page[EndpointAnswer](data=(_HOOK,))),),
)
GET: Final = Doc(summary="Show an endpoint", answers={200: EndpointAnswer}, examples=(Example(200, _HOOK),))
CHANGE: Final = Doc(
    summary="Change an endpoint",
    body=EndpointChange,
    answers={200: EndpointAnswer},
    examples=(
        Example(
            200,
            _HOOK.model_copy(update={"timeout_s": 30.0, "rate_per_s": 50.0}),
            {"timeout_s": 30, "rate_per_s": 50, "schedule_s": None},
        ),
    ),
)


def _disabled(reason: str) -> EndpointAnswer:
    return _HOOK.model_copy(
        update={"state": EndpointState.DISABLED, "reason": reason, "disabled_for": DisabledFor.REQUEST}
    )


ENABLE: Final = Doc(
    summary="Let events flow to an endpoint again",
    answers={200: EndpointAnswer},
    examples=(Example(200, _HOOK),),
)
DELETE: Final = Doc(
    summary="Delete an endpoint",
    answers={200: EndpointAnswer},
    examples=(
        Example(
            200,
            _disabled("deleted").model_copy(update={"signing_keys": (), "header_names": ()}),
        ),
    ),
)
DISABLE: Final = Doc(
    summary="Stop sending to an endpoint",
    answers={200: EndpointAnswer},
    examples=(Example(200, _disabled("disabled by request")),),
)
ROTATE: Final = Doc(
    summary="Rotate an endpoint's signing keys",
    body=Rotation,
    body_optional=True,
    answers={201: EndpointCreated},
    problems=(Code.TOO_MANY_KEYS,),
    examples=(
        Example(
            201, _CREATED.model_copy(update={"signing_keys": (*_HOOK.signing_keys, *_ENDING)}), {"overlap_days": 2}
        ),
    ),
)
TEST: Final = Doc(
    summary="Send a test event",
    answers={202: TestAccepted},
    problems=(Code.ENDPOINT_DISABLED,),
    examples=(Example(202, TestAccepted(event_id=EVENT, endpoint_id=ENDPOINT)),),
)
PUBLIC_KEYS: Final = PublicKeys(keys=(PublicKeyAnswer(public_key=PUBLIC_KEY, signs_until=None),))
"""What anybody is shown, without a key."""
