"""Media: files that were stored and looked into."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from libs.rest.field import CustomerId, MediaId, Moment, Whole
from libs.rest.shape import Answer, Ask, Item, PageQuery


class MediaQuery(PageQuery):
    cursor: MediaId | None = None


class UploadQuery(Ask):
    """`customer_id` says whose file it is; an operator key has to."""

    customer_id: CustomerId | None = None


Url = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^https?://[!-~]+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class MediaByUrl(Ask):
    """A file that is fetched in the background; redirects are followed, five at most."""

    url: Url
    customer_id: CustomerId | None = None


class UploadNew(Ask):
    """A file that will be sent to an address of its own: `size` in bytes, `sha256` in lower-case hex if it is known."""

    size: Annotated[int, Field(strict=True, ge=1, lt=2**63), Whole]
    sha256: Sha256 | None = None
    customer_id: CustomerId | None = None


class UploadAddress(Item):
    """Where the file is sent, once and whole, with `method` and `headers`, until `expires_at`. The address is a secret.

    `POST` to `complete` when it was sent: it is then looked into, and becomes the media `id`.
    """

    customer_id: str
    state: Literal["awaited"]
    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: Moment
    complete: str


class Progress(Answer):
    """How many bytes of a file have come, of how many as far as that is known."""

    received: int
    expected: int | None


class RenditionAnswer(Answer):
    """What conversion makes of a file for one use; `media_id` is the file that was made, `problem` why none can be."""

    recipe: str
    state: Literal["making", "made", "refused"]
    media_id: str | None
    changes: tuple[str, ...]
    problem: dict[str, Any] | None


class MediaAnswer(Item):
    """`size` in bytes, `sha256` in lower-case hex of the bytes as they came; `probe` is what its content is.

    `awaited`: it is to be sent to its address. `fetching`, `checking`: it is on its way, `progress` says how far.
    `failed`: it will not come, `problem` says why. Until it is here, what nobody knows of it is null. `expired`: aged
    out or just deleted, the bytes are gone. `made_from` names the file that conversion made this one from,
    `renditions` what is made of it.
    """

    customer_id: str
    state: Literal["awaited", "fetching", "checking", "ready", "failed", "expired"]
    made_from: str | None
    size: int | None
    sha256: str | None
    content_type: str | None
    probe: dict[str, Any] | None
    progress: Progress | None = None
    problem: dict[str, Any] | None = None
    renditions: tuple[RenditionAnswer, ...] = ()
    created_at: Moment
