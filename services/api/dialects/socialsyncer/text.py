"""How a caption becomes the title of photos: without addresses and hashtags, and no longer than TikTok takes."""

import re
from typing import Final

from libs.model.post_request import PHOTO_TITLE_UNITS, utf16_units

_ADDRESS: Final = re.compile(r"(?:https?://|\bwww\.)\S+", re.IGNORECASE)
_HASHTAG: Final = re.compile(r"(?<!\w)#\w+")
_JOINERS: Final = " \u200d\ufe0f"


def photo_title(content: str) -> str:
    """At most 90 UTF-16 units of it, in one line."""
    bare = " ".join(_HASHTAG.sub(" ", _ADDRESS.sub(" ", content)).split())
    units = 0
    for place, character in enumerate(bare):
        units += utf16_units(character)
        if units > PHOTO_TITLE_UNITS:
            return bare[:place].rstrip(_JOINERS)
    return bare
