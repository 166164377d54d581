"""What people type, in the API's words."""

import json
from typing import Any, Final

import typer

from services.cli.ending import USAGE, Ended

PRIVACY: Final = {
    "public": "PUBLIC_TO_EVERYONE",
    "friends": "MUTUAL_FOLLOW_FRIENDS",
    "followers": "FOLLOWER_OF_CREATOR",
    "self": "SELF_ONLY",
}


def privacy_level(said: str | None) -> str | None:
    """TikTok's word, also for a short one; None stays None: it is never assumed."""
    if said is None:
        return None
    if said.upper() in PRIVACY.values():
        return said.upper()
    if said.lower() not in PRIVACY:
        raise typer.BadParameter(f"one of {', '.join(PRIVACY)}", param_hint="--privacy")
    return PRIVACY[said.lower()]


def json_object(text: str, option: str) -> dict[str, Any]:
    """An option that is a JSON object."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Ended(f"{option} is no JSON: {error}.", code=USAGE) from None
    if not isinstance(found, dict):
        raise Ended(f"{option} is no JSON object.", code=USAGE)
    return found
