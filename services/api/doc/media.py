"""Media: files that are kept to be posted."""

from dataclasses import asdict
from typing import Final

from libs.media.finding import VideoProbe
from libs.rest.code import Code
from libs.rest.media import MediaAnswer, MediaByUrl
from libs.rest.shape import Page
from services.api.doc.arrivals import FETCHING
from services.api.doc.sample import CUSTOMER, MEDIA, WHEN
from services.api.doc.shape import Doc, Example, Upload

_PROBE: Final = VideoProbe(
    size=10_485_760,
    container="mp4",
    mime="video/mp4",
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=720,
    height=1280,
    rotation=0,
    duration_ms=9000,
    frames=270,
    average_frame_rate=30.0,
    nominal_frame_rate=30.0,
    variable_frame_rate=False,
    audio_codec="aac",
    audio_channels=2,
    audio_sample_rate=48_000,
    truncated=False,
    damaged=False,
)
_FILM: Final = MediaAnswer(
    id=MEDIA,
    customer_id=CUSTOMER,
    state="ready",
    made_from=None,
    size=_PROBE.size,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    content_type=_PROBE.mime,
    probe=asdict(_PROBE),
    created_at=WHEN,
)

UPLOAD: Final = Doc(
    summary="Upload a file",
    body=Upload(
        ("video/mp4", "video/quicktime", "video/webm", "image/jpeg", "image/webp", "application/octet-stream"),
        MediaByUrl,
    ),
    answers={201: MediaAnswer, 202: MediaAnswer},
    problems=(
        Code.MALFORMED_FORM,
        Code.UNUSABLE_MEDIA,
        Code.MEDIA_QUOTA_REACHED,
        Code.MEDIA_STORE_FAILED,
        Code.MEDIA_BUSY,
        Code.MEDIA_STORE_FULL,
    ),
    examples=(
        Example(201, _FILM, query={"customer_id": CUSTOMER}, title="The file itself"),
        Example(202, FETCHING, {"url": "https://hooks.acme.example/boots.mp4", "customer_id": CUSTOMER}, "By URL"),
    ),
)
LISTED: Final = Doc(
    summary="List media",
    answers={200: Page[MediaAnswer]},
    examples=(Example(200, Page[MediaAnswer](data=(_FILM,)), query={"customer_id": CUSTOMER}),),
)
GET: Final = Doc(summary="Show what is known of a file", answers={200: MediaAnswer}, examples=(Example(200, _FILM),))
DELETE: Final = Doc(
    summary="Delete a file",
    answers={200: MediaAnswer},
    problems=(Code.MEDIA_IN_USE, Code.MEDIA_ON_ITS_WAY, Code.MEDIA_STORE_FAILED),
    examples=(Example(200, _FILM.model_copy(update={"state": "expired"})),),
)
