"""What TikTok said and Clipwire passes on: its contract, and how its numbers are told.

JSON's numbers are doubles to JavaScript and many others, which would round a 64-bit id to another one's. So an id is
text always, and a number that a double does not hold is text, too.
"""

from typing import Any, Final

from pydantic import Field

from libs.model.contract import Data

EXACT: Final = 2**53 - 1
"""The greatest whole number up to which a double holds every one: JavaScript's `Number.MAX_SAFE_INTEGER`."""


class Share(Data):
    share_id: str


class Download(Data):
    request_id: str = Field(description="as a string: it has 64 bits")


class Forwarded(Data):
    """What TikTok said and Clipwire does not interpret."""

    tiktok_event: str | None
    client_key: str
    open_id: str | None
    create_time: int | None
    content: Any = Field(
        description="in TikTok's words; a whole number is a string where its name says id, and beyond ±(2^53-1)"
    )
    account_id: str | None = None


class ForwardedShare(Forwarded):
    """What TikTok said of a video shared by the old Video Kit, which Clipwire does not interpret."""

    content: Share


class ForwardedDownload(Forwarded):
    """A download of a user's data is ready; TikTok does not say whose."""

    content: Download


def exact(content: Any, name: str = "") -> Any:
    """`content`, whole numbers as text where their name says id (`id`, `…_id`, `…_ids`) or they are beyond `EXACT`.

    For JSON values as deep as a webhook's may be.
    """
    match content:
        case bool():
            return content
        case int():
            return str(content) if _is_id(name) or abs(content) > EXACT else content
        case dict():
            return {key: exact(value, key) for key, value in content.items()}
        case list():
            return [exact(value, name) for value in content]
        case _:
            return content


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith(("_id", "_ids"))
