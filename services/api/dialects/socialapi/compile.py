"""A post of SocialAPI.ai's in our words. Pure: what only TikTok knows is asked for afterwards."""

from typing import Annotated, Any, Final

from pydantic import Field

from libs.model.post_request import AccountId
from libs.rest.shape import Ask
from services.api.dialects.frame import Compiled
from services.api.dialects.mapping import paths, to_ours
from services.api.dialects.socialapi.words import CONNECTOR, LANDING, NAME

DISCLOSURE: Final = ("branded_content", "paid_partnership")


class Settings(Ask):
    """What only TikTok has."""

    tiktok: dict[str, Any] = Field(default_factory=dict, max_length=50)


class PostNew(Ask):
    """Both shapes of the vendor's pages: `account_ids` with `platform_data`, and `account_id` with `platform_options`.

    `publish_at`, `timezone` and `metadata` are ours: the vendor's pages have none for TikTok.
    """

    account_ids: Annotated[tuple[AccountId, ...], Field(max_length=100)] | None = None
    account_id: AccountId | None = None
    platforms: Annotated[tuple[str, ...], Field(max_length=20)] | None = None
    text: str = ""
    media_ids: tuple[Any, ...] = ()
    platform_data: Settings | None = None
    platform_options: Settings | None = None
    publish_at: Any = None
    timezone: Any = None
    metadata: Any = None

    @property
    def landing(self) -> bool:
        """Whether it has the shape of the landing page, where the disclosure is required."""
        return self.account_id is not None or self.platforms is not None or self.platform_options is not None

    @property
    def named(self) -> tuple[str, ...]:
        """The accounts, by whichever of its two names."""
        return self.account_ids if self.account_ids is not None else ((self.account_id,) if self.account_id else ())


def compiled(new: PostNew, *, strict: bool) -> Compiled:
    """In our words, but for a `privacy_level` that was left out. `strict`: the disclosure is required in any shape."""
    made = Compiled()
    settings, beneath = _settings(new, made)
    made.words = paths(NAME, beneath) | {"media": "media_ids", "account_ids": "account_ids"}
    disclosure = settings.pop("disclosure", None)
    request, unknown = to_ours(NAME, settings)
    made.unknown(beneath, unknown)
    made.request = request
    _accounts(new, made)
    if request.get("kind") is None:
        request["kind"] = "video"
        made.adjust(f"{beneath}.media_type", "defaulted", "Left out, it is a video.", used="video")
    _text(new, made, beneath)
    _privacy(settings, made, beneath)
    _disclosed(disclosure, made, beneath, required=strict or new.landing)
    made.switch_off(beneath)
    request["media"] = list(new.media_ids)
    ours = {name: getattr(new, name) for name in ("publish_at", "timezone", "metadata")}
    request.update({name: value for name, value in ours.items() if value is not None})
    return made


def _settings(new: PostNew, made: Compiled) -> tuple[dict[str, Any], str]:
    """TikTok's settings, and where they stand."""
    here = dict(new.platform_data.tiktok) if new.platform_data else {}
    there = dict(new.platform_options.tiktok) if new.platform_options else {}
    for name in sorted(here.keys() & there.keys()):
        if here[name] != there[name]:
            _contradicts(made, f"{LANDING}.{name[:80]}", f"{CONNECTOR}.{name[:80]}")
    return here | there, LANDING if new.landing and not here else CONNECTOR


def _accounts(new: PostNew, made: Compiled) -> None:
    if new.account_id is not None and new.account_ids is not None and new.account_ids != (new.account_id,):
        _contradicts(made, "account_id", "account_ids")
    ids = new.named
    if not ids:
        made.wrong("account_ids", "required", "An account is required.", "Name one, or several.")
    elif len(ids) == 1:
        made.request["account_id"] = ids[0]
        made.words["account_id"] = "account_ids.0" if new.account_ids else "account_id"
    else:
        made.request["account_ids"] = list(ids)
    for place, platform in enumerate(new.platforms or ()):
        if platform != "tiktok":
            made.wrong(f"platforms.{place}", "not_tiktok", "Nothing but TikTok is posted to here.",
                       "Send the others to whoever has them.", limit="tiktok", found=platform[:80])  # fmt: skip


def _text(new: PostNew, made: Compiled, beneath: str) -> None:
    """The caption of a video; of photos the description, whose title stands among the settings."""
    video = made.request["kind"] != "photo"
    field = "title" if video else "description"
    if made.request.get(field) not in (None, "", new.text):
        _contradicts(made, f"{beneath}.{field}", "text")
    made.request[field] = new.text
    made.words[field] = "text"


def _privacy(settings: dict[str, Any], made: Compiled, beneath: str) -> None:
    sent, used = settings.get("privacy_level"), made.request.get("privacy_level")
    if sent != used:
        detail = "TikTok has another name for it."
        made.adjust(f"{beneath}.privacy_level", "renamed", detail, sent=sent, used=used)


def _disclosed(disclosure: Any, made: Compiled, beneath: str, *, required: bool) -> None:
    """Either kind is TikTok's branded content. The creator's own brand has a toggle of TikTok's."""
    where = f"{beneath}.disclosure"
    if disclosure is None:
        if required:
            made.wrong(where, "required", "It has to be said whether this is branded content or a paid partnership.",
                       "Add disclosure with both fields, true or false.")  # fmt: skip
        elif made.request.get("brand_content_toggle") is None:
            detail = "Nothing was disclosed, so the post promotes nobody else's brand. Say so to be certain."
            made.adjust(where, "defaulted", detail, used=dict.fromkeys(DISCLOSURE, False))
        return
    if not isinstance(disclosure, dict):
        made.wrong(where, "not_an_object", "This is not an object.", "Send both fields, true or false.")
        return
    for name in DISCLOSURE:
        if not isinstance(disclosure.get(name), bool):
            code = "required" if disclosure.get(name) is None else "bool_type"
            made.wrong(f"{where}.{name}", code, "This has to be said, true or false.", f"Add {name}.")
    made.unknown(where, (name for name in disclosure if name not in DISCLOSURE))
    branded = any(disclosure.get(name) is True for name in DISCLOSURE)
    if made.request.get("brand_content_toggle") not in (None, branded):
        _contradicts(made, where, f"{beneath}.brand_content_toggle")
    made.request["brand_content_toggle"] = branded


def _contradicts(made: Compiled, one: str, other: str) -> None:
    made.wrong(one, "contradiction", f"This and {other} say different things.", "Send one of them.")
