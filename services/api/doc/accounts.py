"""Accounts: shown, placed in groups, disconnected; or made from tokens that TikTok gave."""

from typing import Final

from libs.model.account import AccountState, reconnect_path
from libs.model.connect import CANNOT
from libs.rest.accounts import (
    AccountAnswer,
    AccountChange,
    AccountHealth,
    AccountNew,
    DisconnectAnswer,
    DisconnectNew,
)
from libs.rest.code import Code
from libs.rest.shape import Page
from services.api.doc.sample import ACCOUNT, CUSTOMER, GROUP, WHEN
from services.api.doc.shape import Doc, Example

SCOPES: Final = ("user.info.basic", "video.list", "video.publish", "video.upload")
CREATOR: Final = AccountAnswer(
    id=ACCOUNT,
    customer_id=CUSTOMER,
    client_key="awoperatorsapp01",
    open_id="-000a1b2c3d4e5f6g7h8",
    username="acme",
    display_name="Acme",
    state=AccountState.CONNECTED,
    reason=None,
    scopes=SCOPES,
    missing_scopes=(),
    group_id=None,
    reconnect=None,
    granted_at=WHEN,
    access_expires_at=WHEN,
    refresh_expires_at=WHEN,
    created_at=WHEN,
)
TOKENS: Final = {
    "customer_id": CUSTOMER,
    "open_id": CREATOR.open_id,
    "access_token": "act.what-tiktok-gave",
    "refresh_token": "rft.what-tiktok-gave",
    "expires_in": 86_400,
    "refresh_expires_in": 31_536_000,
    "scopes": list(SCOPES),
    "username": "acme",
    "display_name": "Acme",
}
_HEALTH: Final = AccountHealth(
    id=ACCOUNT,
    state=AccountState.CONNECTED,
    usable=True,
    scopes=SCOPES,
    missing_scopes=(),
    can=tuple(what for scope, what in CANNOT.items() if scope in SCOPES),
    cannot=tuple(what for scope, what in CANNOT.items() if scope not in SCOPES),
    access_expires_at=WHEN,
    refresh_expires_at=WHEN,
    refreshes_failed=0,
    last_error=None,
    app_audited=False,
    remedy=None,
    reconnect=None,
)
_FORGOTTEN: Final = DisconnectAnswer(
    **dict(CREATOR)
    | {
        "state": AccountState.DISCONNECTED,
        "reason": "disconnected by request",
        "group_id": GROUP,
        "reconnect": reconnect_path(ACCOUNT),
    },
    at_tiktok="left",
)

CREATE: Final = Doc(
    summary="Bring an account that was connected elsewhere",
    body=AccountNew,
    answers={201: AccountAnswer, 200: AccountAnswer},
    examples=(Example(201, CREATOR, TOKENS),),
)
LISTED: Final = Doc(
    summary="List accounts",
    answers={200: Page[AccountAnswer]},
    examples=(Example(200, Page[AccountAnswer](data=(CREATOR,)), query={"customer_id": CUSTOMER}),),
)
GET: Final = Doc(summary="Show an account", answers={200: AccountAnswer}, examples=(Example(200, CREATOR),))
HEALTH: Final = Doc(
    summary="Show whether an account can be used",
    answers={200: AccountHealth},
    examples=(Example(200, _HEALTH),),
)
CHANGE: Final = Doc(
    summary="Put an account into a group",
    body=AccountChange,
    problems=(Code.GROUP_TAKEN,),
    answers={200: AccountAnswer},
    examples=(Example(200, CREATOR.model_copy(update={"group_id": GROUP}), {"group_id": GROUP}),),
)
DISCONNECT: Final = Doc(
    summary="Disconnect an account",
    body=DisconnectNew,
    body_optional=True,
    answers={200: DisconnectAnswer},
    problems=(Code.REAUTHORIZATION_REQUIRED, Code.REFUSED_BY_TIKTOK, Code.TIKTOK_UNAVAILABLE),
    examples=(Example(200, _FORGOTTEN, {"revoke": False}),),
)
