"""Customers' own TikTok apps."""

from typing import Final

from libs.rest.apps import AppAnswer, AppChange, AppNew
from libs.rest.code import Code
from libs.rest.shape import Page
from services.api.doc.sample import APP, CUSTOMER, WHEN
from services.api.doc.shape import Doc, Example

_APP: Final = AppAnswer(
    id=APP,
    customer_id=CUSTOMER,
    client_key="awcustomersapp01",
    live_secrets=1,
    audited=False,
    callback_url="https://clipwire.example.com/oauth/tiktok/callback",
    created_at=WHEN,
)

CREATE: Final = Doc(
    summary="Register a customer's TikTok app",
    body=AppNew,
    answers={201: AppAnswer},
    problems=(Code.APP_EXISTS,),
    examples=(
        Example(
            201, _APP, {"customer_id": CUSTOMER, "client_key": _APP.client_key, "client_secrets": ["the-apps-secret"]}
        ),
    ),
)
LISTED: Final = Doc(
    summary="List TikTok apps",
    answers={200: Page[AppAnswer]},
    examples=(Example(200, Page[AppAnswer](data=(_APP,))),),
)
GET: Final = Doc(summary="Show a TikTok app", answers={200: AppAnswer}, examples=(Example(200, _APP),))
CHANGE: Final = Doc(
    summary="Rotate an app's secrets, or say that it is audited",
    body=AppChange,
    answers={200: AppAnswer},
    examples=(
        Example(
            200,
            _APP.model_copy(update={"live_secrets": 2}),
            {"client_secrets": ["the-apps-new-secret", "the-apps-secret"]},
        ),
    ),
)
