"""SocialAPI.ai: `https://api.social-api.ai` becomes `…/compat/socialapi`."""

from libs.model.key import Capability
from services.api.dialects.socialapi import connect
from services.api.dialects.socialapi.words import DIALECT

ROUTES = DIALECT.complete(
    DIALECT.route(
        "POST",
        "/v1/accounts/connect",
        Capability.ACCOUNTS,
        connect.connect,
        summary="Make a link by which a creator connects",
        body=connect.Connect,
        examples=connect.CONNECT,
    ),
)
