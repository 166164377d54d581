"""Looking into a photo with Pillow. Runs in workers only."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import pillow_heif
from PIL import ExifTags, Image

from libs.media.container import Container
from libs.media.finding import PhotoProbe, Reason, Unreadable

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = (
    None  # the bound is ours, checked before anything is decoded, and an error of Pillow's is no value
)

_PILLOW_FORMAT: Final = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "heic": "HEIF",
    "avif": "AVIF",
}
_DRAFT_FACTOR: Final = 4
"""JPEG decodes at a fraction of its size for a fraction of the memory: phones make photos of 200 megapixels."""
BROKEN = (OSError, SyntaxError, ValueError, struct.error, EOFError, KeyError, IndexError, TypeError, RuntimeError)
"""All that Pillow and its plugins have been seen to raise over broken files."""


def open_photo(path: Path, container: Container) -> Image.Image:
    """The photo, opened by the one reader its first bytes call for, not yet decoded. Raises one of ``BROKEN``."""
    return Image.open(path, formats=[_PILLOW_FORMAT[container.name]])


def look_into_photo(path: Path, container: Container, *, size: int, max_pixels: int) -> PhotoProbe | Unreadable:
    """Open and decode it whole, so that a photo with a missing end or a lying header is known before TikTok knows."""
    try:
        image = open_photo(path, container)
    except BROKEN:
        reason = Reason.TRUNCATED if container.truncated else Reason.CORRUPT
        return Unreadable(reason=reason, detail=f"it begins like {container.name} but cannot be opened as one")
    with image:
        width, height = image.size
        mode = image.mode
        if too_large(image, container, max_pixels=max_pixels):
            return Unreadable(
                reason=Reason.TOO_MANY_PIXELS, detail=f"{width}×{height} pixels; at most {max_pixels} are decoded"
            )
        animated = bool(getattr(image, "is_animated", False))
        transparent = "A" in mode or "a" in mode or "transparency" in image.info
        try:
            if container.name == "jpeg":
                image.draft(None, (max(1, width // _DRAFT_FACTOR), max(1, height // _DRAFT_FACTOR)))
            image.load()
            if container.name == "png":
                _verify(path, container)
        except BROKEN as exc:
            truncated = container.truncated or "truncated" in str(exc) or isinstance(exc, EOFError)
            if not truncated:
                return Unreadable(reason=Reason.CORRUPT, detail=f"its {container.name} data cannot be decoded")
        else:
            truncated = container.truncated
        # After decoding: to read a PNG's metadata Pillow decodes it too, and would meet what is broken first.
        orientation, has_location = _exif(image)
    if orientation >= 5:
        width, height = height, width
    return PhotoProbe(
        size=size,
        format=container.name,
        mime=container.mime,
        width=width,
        height=height,
        orientation=orientation,
        mode=mode,
        animated=animated,
        transparent=transparent,
        has_location=has_location,
        truncated=truncated,
    )


def _verify(path: Path, container: Container) -> None:
    """A PNG's checksums, which decoding does not look at: zeros in the middle come out as black without an error."""
    with open_photo(path, container) as image:
        image.verify()


def too_large(image: Image.Image, container: Container, *, max_pixels: int) -> bool:
    """Whether decoding would take too much memory. JPEG may be larger, because it is never decoded at full size."""
    factor = _DRAFT_FACTOR if container.name == "jpeg" else 1
    return image.width * image.height > max_pixels * factor


def _exif(image: Image.Image) -> tuple[int, bool]:
    """(orientation, has a location). Metadata that cannot be read says nothing; the pixels may still be fine."""
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        has_location = bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except BROKEN:
        return 1, False
    return (orientation if orientation in range(1, 9) else 1), has_location
