"""Media: files that were stored and looked into."""

from typing import Any, Literal

from libs.rest.field import CustomerId, MediaId, Moment
from libs.rest.shape import Ask, Item, PageQuery


class MediaQuery(PageQuery):
    cursor: MediaId | None = None


class UploadQuery(Ask):
    """`customer_id` says whose file it is; an operator key has to."""

    customer_id: CustomerId | None = None


class MediaAnswer(Item):
    """`size` in bytes, `sha256` in lower-case hex of the bytes as they came; `probe` is what its content is.

    `expired`: aged out, the bytes are gone. `made_from` names the file that conversion made this one from.
    """

    customer_id: str
    state: Literal["ready", "expired"]
    made_from: str | None
    size: int
    sha256: str
    content_type: str
    probe: dict[str, Any]
    created_at: Moment
