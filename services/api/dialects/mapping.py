"""One table of what each vendor calls our fields and their values, read in both directions.

It holds what is the same idea under another name. What needs a decision (captions, defaults, disclosure) is compiled
beside it, by each dialect.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Pairs = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A vendor's name for a field of ours. `values` are (theirs, ours), one to one; `aliases` what it takes besides.

    A value that no pair has is passed on as it is, for our own rules to judge.
    """

    theirs: str
    values: Pairs = ()
    aliases: Pairs = ()

    def ours(self, value: Any) -> Any:
        return _found(value, ((theirs, ours) for theirs, ours in (*self.values, *self.aliases)))

    def back(self, value: Any) -> Any:
        return _found(value, ((ours, theirs) for theirs, ours in self.values))


def _found(value: Any, pairs: Iterator[tuple[Any, Any]]) -> Any:
    # The type counts, because 1 is equal to True and a number is no answer to a question.
    return next((to for of, to in pairs if type(of) is type(value) and of == value), value)


_ALLOW: Final[Pairs] = ((True, False), (False, True))
_ALIASES: Final[Pairs] = (
    ("PUBLIC", "PUBLIC_TO_EVERYONE"), ("FRIENDS", "MUTUAL_FOLLOW_FRIENDS"), ("FOLLOWERS", "FOLLOWER_OF_CREATOR"),
    ("PRIVATE", "SELF_ONLY"),
)  # fmt: skip

TABLE: Final[Mapping[str, Mapping[str, Word]]] = {
    "kind": {
        "socialapi": Word("media_type"),
        "socialsyncer": Word("media_type"),
        "postproxy": Word("format", (("video", "video"), ("image", "photo"))),
    },
    "privacy_level": {
        "socialapi": Word("privacy_level", aliases=_ALIASES),
        "socialsyncer": Word("privacy_level"),
        "postproxy": Word("privacy_status"),
    },
    "title": {"socialapi": Word("title")},
    "description": {"socialapi": Word("description"), "socialsyncer": Word("description")},
    "disable_comment": {
        "socialapi": Word("disable_comment"),
        "socialsyncer": Word("allow_comment", _ALLOW),
        "postproxy": Word("disable_comment"),
    },
    "disable_duet": {
        "socialapi": Word("disable_duet"),
        "socialsyncer": Word("allow_duet", _ALLOW),
        "postproxy": Word("disable_duet"),
    },
    "disable_stitch": {
        "socialapi": Word("disable_stitch"),
        "socialsyncer": Word("allow_stitch", _ALLOW),
        "postproxy": Word("disable_stitch"),
    },
    "is_aigc": {
        "socialapi": Word("is_aigc"),
        "socialsyncer": Word("video_made_with_ai"),
        "postproxy": Word("made_with_ai"),
    },
    "brand_content_toggle": {
        "socialapi": Word("brand_content_toggle"),
        "postproxy": Word("brand_content_toggle"),
    },
    "brand_organic_toggle": {
        "socialapi": Word("brand_organic_toggle"),
        "postproxy": Word("brand_organic_toggle"),
    },
    "video_cover_timestamp_ms": {
        "socialapi": Word("video_cover_timestamp_ms"),
        "socialsyncer": Word("video_cover_timestamp_ms"),
    },
    "cover": {"socialsyncer": Word("video_cover_image_url")},
    "photo_cover_index": {
        "socialapi": Word("photo_cover_index"),
        "socialsyncer": Word("photo_cover_index"),
        "postproxy": Word("photo_cover_index"),
    },
    "auto_add_music": {
        "socialapi": Word("auto_add_music"),
        "socialsyncer": Word("auto_add_music"),
        "postproxy": Word("auto_add_music"),
    },
    "mode": {"socialsyncer": Word("draft", ((True, "inbox"), (False, "direct")))},
}
"""Our field → vendor → the vendor's. Names that the vendors' own pages give; SocialAPI.ai's page names two of its
settings, and for the others TikTok's own names are taken."""


def words(vendor: str) -> dict[str, Word]:
    """Our field → what this vendor calls it."""
    return {ours: row[vendor] for ours, row in TABLE.items() if vendor in row}


def paths(vendor: str, beneath: str) -> dict[str, str]:
    """Our field → where it stands in this vendor's body, for problems."""
    return {ours: f"{beneath}.{word.theirs}" for ours, word in words(vendor).items()}


def to_ours(vendor: str, block: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A vendor's settings in our words, and those of its fields that the table does not have."""
    named = {word.theirs: (ours, word) for ours, word in words(vendor).items()}
    known = {named[name][0]: named[name][1].ours(value) for name, value in block.items() if name in named}
    return known, [name for name in block if name not in named]


def to_theirs(vendor: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request of ours this vendor has words for. Nothing is said of what is not set."""
    said = {word.theirs: word.back(request.get(ours)) for ours, word in words(vendor).items()}
    return {name: value for name, value in said.items() if value not in (None, "")}
