"""Connecting accounts by OAuth."""

from typing import Final

from libs.model.connect import Judged
from libs.rest.accounts import AccountAnswer, ConnectAnswer, ConnectNew, ExchangeNew, ReconnectAnswer, ReconnectNew
from libs.rest.code import Code
from services.api.doc.accounts import CREATOR
from services.api.doc.sample import BOOTS, CUSTOMER, WHEN
from services.api.doc.shape import Doc, Example

REDIRECT: Final = "https://app.acme.example/tiktok"
STATE: Final = "8c1f0e5a9b3d4e7f8a2c1b0d6f1e0c5a"
CODE: Final = "the-code-that-tiktok-sent"
SCOPES: Final = ("user.info.basic", "user.info.profile", "video.publish", "video.upload")
_LINK: Final = ConnectAnswer(
    auth_url="https://www.tiktok.com/v2/auth/authorize/?client_key=awoperatorsapp01",
    state=STATE,
    redirect_uri=REDIRECT,
    scopes=SCOPES,
    expires_at=WHEN,
)

BOOTS_CREATOR: Final = CREATOR.model_copy(
    update={
        "id": BOOTS,
        "open_id": "-000b2c3d4e5f6g7h8j9",
        "username": "acme.boots",
        "display_name": "Acme Boots",
        "scopes": SCOPES,
    }
)

CONNECT: Final = Doc(
    summary="Make a link by which a creator connects",
    body=ConnectNew,
    answers={201: ConnectAnswer},
    problems=(Code.GROUP_TAKEN,),
    examples=(Example(201, _LINK, {"customer_id": CUSTOMER, "redirect_uri": REDIRECT, "scopes": list(SCOPES)}),),
)
RECONNECT: Final = Doc(
    summary="Make a link by which a creator connects again",
    body=ReconnectNew,
    body_optional=True,
    answers={201: ReconnectAnswer},
    problems=(Code.UNKNOWN_APP,),
    examples=(
        Example(
            201,
            ReconnectAnswer(
                **dict(_LINK),
                link=f"https://clipwire.acme.example/oauth/tiktok/reconnect/{'A' * 43}",
                link_expires_at=WHEN,
            ),
            {"redirect_uri": REDIRECT, "scopes": list(SCOPES)},
        ),
    ),
)
EXCHANGE: Final = Doc(
    summary="Finish connecting with what came to your redirect URI",
    body=ExchangeNew,
    answers={201: AccountAnswer, 200: AccountAnswer},
    problems=tuple(Code[why.name] for why in Judged),
    examples=(
        Example(
            201,
            BOOTS_CREATOR,
            {"state": STATE, "redirect_uri": REDIRECT, "code": CODE},
        ),
    ),
)
