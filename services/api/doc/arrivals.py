"""Files that come otherwise than with the request."""

from typing import Any, Final

from libs.rest.code import Code
from libs.rest.media import MediaAnswer, Progress, UploadAddress, UploadNew
from services.api.doc.sample import COMING, CUSTOMER, WHEN
from services.api.doc.shape import Doc, Example

SIZE: Final = 10_485_760
SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_NEW: Final[dict[str, Any]] = {"size": SIZE, "sha256": SHA256, "customer_id": CUSTOMER}

FETCHING: Final = MediaAnswer(
    id=COMING,
    customer_id=CUSTOMER,
    state="fetching",
    made_from=None,
    size=None,
    sha256=None,
    content_type=None,
    probe=None,
    progress=Progress(received=0, expected=None),
    created_at=WHEN,
)
_CHECKING: Final = FETCHING.model_copy(
    update={"state": "checking", "size": SIZE, "sha256": SHA256, "progress": Progress(received=0, expected=SIZE)}
)

ADDRESS: Final = Doc(
    summary="Ask for an address to send a file to",
    body=UploadNew,
    answers={201: UploadAddress},
    problems=(Code.TOO_LARGE, Code.MEDIA_QUOTA_REACHED),
    examples=(
        Example(
            201,
            UploadAddress(
                id=COMING,
                customer_id=CUSTOMER,
                state="awaited",
                method="PUT",
                url="https://clipwire.example.com/push/0J3n…",
                headers={"Content-Type": "application/octet-stream"},
                expires_at=WHEN,
                complete=f"/v1/media/{COMING}/complete",
            ),
            _NEW,
        ),
    ),
)
COMPLETE: Final = Doc(
    summary="Say that a file was sent",
    answers={202: MediaAnswer, 200: MediaAnswer},
    problems=(Code.UPLOAD_INCOMPLETE, Code.MEDIA_STORE_FAILED),
    examples=(Example(202, _CHECKING, path={"id": COMING}),),
)
