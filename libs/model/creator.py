"""What a creator's own settings allow of a request, right now (fact sheet 3.1, 3.7, 7)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.model.post_request import Privacy
from libs.model.problem import FieldError

INTERACTIONS: Final = ("comment", "duet", "stitch")
"""What a creator may have turned off for everybody; a photo has comments only."""


def privacy_errors(asked: str | None, options: Sequence[str]) -> list[FieldError]:
    """Whether the privacy level is one of those the creator may choose from; None was never chosen."""
    if asked is None or asked in options:
        return []
    return [
        FieldError(
            "privacy_level",
            "not_offered",
            f"Selected privacy level '{asked}' is not available for this creator.",
            limit=", ".join(options),
            found=asked,
            remedy="Choose one of the creator's own options.",
        )
    ]


def audience_errors(options: Sequence[str], *, audited: bool) -> list[FieldError]:
    """Whether TikTok will take a direct post of this app's: of an app it has not audited, only from private accounts.

    A public account, and no other, is offered PUBLIC_TO_EVERYONE (3.1). Where an unaudited app is offered SELF_ONLY
    alone, the account may be either: that is TikTok's to say.
    """
    if audited or Privacy.PUBLIC_TO_EVERYONE not in options:
        return []
    return [
        FieldError(
            "account_id",
            "account_not_private",
            "The creator's account is public, and TikTok lets an app that has not passed its audit post to private"
            " accounts only; that is its rule, not a fault.",
            limit="private accounts",
            found="a public account",
            remedy="Ask the creator to make the account private in TikTok's app, or pass TikTok's audit and say so"
            " (TIKTOK_AUDITED=true, or `audited` of a customer's own app).",
        )
    ]


def disabled(request: Mapping[str, Any], off: Mapping[str, bool]) -> tuple[str, ...]:
    """The fields of a direct post that ask for what its creator has turned off: they go out as true all the same.

    `off` is `comment_disabled` and its kin, as creator_info has them.
    """
    named = INTERACTIONS[:1] if request.get("kind") == "photo" else INTERACTIONS
    asked = (name for name in named if off.get(f"{name}_disabled"))
    return tuple(f"disable_{name}" for name in asked if request.get(f"disable_{name}") is False)
