"""What a creator's own settings allow of a request, right now (fact sheet 3.1, 7)."""

from collections.abc import Sequence

from libs.model.problem import FieldError


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
