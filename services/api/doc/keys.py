"""API keys."""

from typing import Final

from libs.rest.code import Code
from libs.rest.keys import KeyAnswer, KeyChange, KeyCreated, KeyNew, KeyRotate, ScopedAnswer
from libs.rest.shape import Page
from services.api.doc.sample import ACCOUNT, AHEAD, CUSTOMER, KEY, SOON, WHEN
from services.api.doc.shape import Doc, Example

SECRET: Final = "cw_shown-once-and-never-again"  # noqa: S105 (a picture of one)
_KEY: Final = KeyAnswer(
    id=KEY,
    customer_id=CUSTOMER,
    name="Acme's scheduler",
    grants={"media": "full", "posts": "read"},
    scoped=(),
    rate_per_minute=600,
    created_at=WHEN,
    expires_at=AHEAD,
    revoked_at=None,
    last_used_at=None,
)
_SCOPED: Final = KeyCreated(
    **dict(_KEY)
    | {
        "name": "An agent for one account",
        "grants": {},
        "scoped": (ScopedAnswer(account_id=ACCOUNT, group_id=None, holds=ACCOUNT, capability="posts", level="full"),),
        "rate_per_minute": None,
        "expires_at": None,
    },
    secret=SECRET,
)
_CREATED: Final = KeyCreated(**dict(_KEY), secret=SECRET)

CREATE: Final = Doc(
    summary="Make a key",
    body=KeyNew,
    answers={201: KeyCreated},
    problems=(Code.TOO_MANY_LIVE_KEYS,),
    examples=(
        Example(
            201,
            _SCOPED,
            {
                "customer_id": CUSTOMER,
                "name": "An agent for one account",
                "scoped": [{"account_id": ACCOUNT, "grants": {"posts": "full"}}],
            },
            "A key that may post to one account",
        ),
        Example(
            201,
            _CREATED,
            {
                "customer_id": CUSTOMER,
                "name": "Acme's scheduler",
                "grants": {"media": "full", "posts": "read"},
                "rate_per_minute": 600,
                "expires_at": SOON,
            },
            "A key with a rate and an end",
        ),
    ),
)
LISTED: Final = Doc(
    summary="List keys",
    answers={200: Page[KeyAnswer]},
    examples=(Example(200, Page[KeyAnswer](data=(_KEY,)), query={"customer_id": CUSTOMER}),),
)
GET: Final = Doc(summary="Show a key", answers={200: KeyAnswer}, examples=(Example(200, _KEY),))
CHANGE: Final = Doc(
    summary="Change a key's grants, name, rate or end",
    body=KeyChange,
    answers={200: KeyAnswer},
    examples=(
        Example(
            200,
            _KEY.model_copy(update={"grants": {"media": "full", "posts": "full"}}),
            {"grants": {"media": "full", "posts": "full"}},
        ),
    ),
)
_CHANGED: Final = _KEY.model_copy(update={"grants": {"media": "full", "posts": "full"}})

ROTATE: Final = Doc(
    summary="Give a key a new secret",
    body=KeyRotate,
    body_optional=True,
    answers={200: KeyCreated},
    problems=(Code.KEY_OVER,),
    examples=(Example(200, KeyCreated(**dict(_CHANGED), secret=SECRET), {"grace_s": 3600}),),
)
REVOKE: Final = Doc(
    summary="Revoke a key",
    answers={200: KeyAnswer},
    examples=(Example(200, _CHANGED.model_copy(update={"revoked_at": WHEN})),),
)
