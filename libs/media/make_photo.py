"""Making a photo TikTok takes out of one it may not. Runs in workers only."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageCms, ImageOps

from libs.media.container import recognize
from libs.media.fit import photo_size
from libs.media.look_photo import open_photo, too_large
from libs.media.order import PhotoOrder

_QUALITIES: Final = (92, 85, 75, 60)
_WHITE: Final = (255, 255, 255, 255)
_SIXTEEN_BITS: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


def make_photo(source: Path, target: Path, order: PhotoOrder) -> None:
    """Write ``target``: upright, in sRGB on white, inside the bounds, the first picture if there are several.

    Nothing but the pixels gets across: no EXIF, no place, no names. Raises what Pillow raises over broken files.
    """
    image = open_upright(source, order)
    size = photo_size(*image.size, short_side_max=order.short_side_max, long_side_max=order.long_side_max)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image.info = {}  # Pillow would write comments and profiles from here into the new file
    target.write_bytes(_encoded(image, order))


def open_upright(source: Path, order: PhotoOrder) -> Image.Image:
    """The photo as it is meant to be seen, in plain RGB, at least as large as the bounds allow."""
    with source.open("rb") as file:
        container = recognize(file)
    if container is None or container.demuxer is not None:
        raise ValueError("not a photo")
    with open_photo(source, container) as image:
        if too_large(image, container, max_pixels=order.max_pixels):
            raise MemoryError
        wanted = photo_size(*image.size, short_side_max=order.short_side_max, long_side_max=order.long_side_max)
        if container.name == "jpeg":
            image.draft(None, wanted)  # decodes at the smallest eighth that is still large enough
        image.load()
        return _plain(ImageOps.exif_transpose(image))


def _plain(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in _SIXTEEN_BITS:
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, _WHITE), seen).convert("RGB")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            return _in_srgb(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile is no reason to refuse the photo: its colours are then taken as they are
    return image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return converted if converted is not None else image.convert("RGB")


def _encoded(image: Image.Image, order: PhotoOrder) -> bytes:
    """The finest quality that keeps inside ``max_bytes``; the coarsest when none does."""
    body = b""
    for quality in _QUALITIES:
        file = io.BytesIO()
        match order.format:
            case "jpeg":
                image.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
            case "webp":
                image.save(file, "WEBP", quality=quality, method=4)
        body = file.getvalue()
        if len(body) <= order.max_bytes:
            break
    return body
