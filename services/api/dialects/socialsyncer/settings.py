"""TikTok's settings as SocialSyncerAPI has them, from wherever in the body they stand. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.api.dialects.frame import Compiled
from services.api.dialects.mapping import to_ours
from services.api.dialects.socialsyncer.words import NAME, SETTINGS

CONSENTS: Final = ("content_preview_confirmed", "express_consent_given")
COMMERCIAL: Final[Mapping[str, tuple[bool, bool]]] = {
    "none": (False, False),
    "brand_organic": (False, True),
    "brand_content": (True, False),
}
"""`commercialContentType` → `brand_content_toggle`, `brand_organic_toggle`."""


def gathered(top: Mapping[str, Any], others: Mapping[str, Mapping[str, Any] | None], made: Compiled) -> dict[str, Any]:
    """The settings at the top level, and what only stands elsewhere; where both speak, the top level wins."""
    settings, origin = dict(top), dict.fromkeys(top, SETTINGS)
    for place, name, value in _elsewhere(others):
        if name not in settings:
            settings[name], origin[name] = value, place
            made.adjust(f"{place}.{name}", "moved", f"It belongs into {SETTINGS}; it was taken from here.", used=value)
        elif settings[name] == value:
            continue
        elif origin[name] == SETTINGS:
            made.adjust(f"{place}.{name}", "ignored", f"{SETTINGS} says otherwise.", sent=value, used=settings[name])
        else:
            made.wrong(f"{place}.{name}", "contradiction", f"This and {origin[name]} say different things.",
                       f"Say it once, in {SETTINGS}: one request posts the same everywhere.")  # fmt: skip
    return settings


def _elsewhere(others: Mapping[str, Mapping[str, Any] | None]) -> Iterator[tuple[str, str, Any]]:
    for place, block in others.items():
        inner = (block or {}).get(SETTINGS)
        beneath, found = (f"{place}.{SETTINGS}", inner) if isinstance(inner, dict) else (place, block or {})
        for name, value in found.items():
            yield beneath, str(name)[:80], value


def settle(settings: dict[str, Any], made: Compiled, *, by: str, at: str) -> None:
    """Puts the settings into the request in our words, and names whatever they lack."""
    consent = _consent(settings, made, by=by, at=at)
    commercial = settings.pop("commercialContentType", None)
    made.request, unknown = to_ours(NAME, settings)
    made.request["consent"] = consent
    made.unknown(SETTINGS, unknown)
    if isinstance(commercial, str) and commercial in COMMERCIAL:
        content, organic = COMMERCIAL[commercial]
        made.request |= {"brand_content_toggle": content, "brand_organic_toggle": organic}
    elif commercial is not None:
        made.wrong(f"{SETTINGS}.commercialContentType", "enum", "There is no such kind.", "Use one of them.",
                   limit=", ".join(COMMERCIAL), found=str(commercial)[:80])  # fmt: skip


def _consent(settings: dict[str, Any], made: Compiled, *, by: str, at: str) -> dict[str, Any]:
    given = [settings.pop(name, None) for name in CONSENTS]
    for name, value in zip(CONSENTS, given, strict=True):
        if value is not True:
            said = str(value).lower()[:80] if value is not None else None
            made.wrong(f"{SETTINGS}.{name}", "consent_required", "TikTok requires this by law: it must be true.",
                       "Post only what its creator has seen and agreed to.", found=said)  # fmt: skip
    return {"preview_confirmed": True, "express_consent": True, "by": by, "at": at}
