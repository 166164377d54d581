"""Making small photos, and spoiling them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import ExifTags, Image, ImageDraw

pillow_heif.register_heif_opener()

RED, BLUE = (220, 30, 30), (30, 30, 220)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red with a blue top-left quarter: whoever turns or flips it can be caught."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill=BLUE)
    return image.convert(mode)


def write_photo(
    path: Path,
    *,
    form: str = "JPEG",
    size: tuple[int, int] = (1080, 1920),
    mode: str = "RGB",
    orientation: int | None = None,
    located: bool = False,
    **options: Any,
) -> None:
    exif = Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    if located:
        exif[ExifTags.Base.Model] = "Secret Phone 3"
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (52.0, 30.0, 1.0)}
        )
    if len(exif):
        options["exif"] = exif
    picture(*size, mode=mode).save(path, form, **options)


def write_transparent(path: Path, *, form: str = "PNG", size: tuple[int, int] = (300, 400)) -> None:
    """Left half seen, right half not."""
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    image.paste((*BLUE, 255), (0, 0, size[0] // 2, size[1]))
    image.save(path, form)


def write_animation(path: Path, *, form: str = "GIF", size: tuple[int, int] = (300, 400)) -> None:
    """Blue first, then red."""
    first, second = Image.new("RGB", size, BLUE), Image.new("RGB", size, RED)
    first.save(path, form, save_all=True, append_images=[second], duration=100)


def write_deep(path: Path) -> None:
    """A PNG of sixteen bits per pixel."""
    image = Image.new("I;16", (64, 64))
    image.putdata([value * 16 for value in range(64 * 64)])
    image.save(path, "PNG")


def write_heavy(path: Path, *, size: int) -> None:
    """A JPEG of exactly ``size`` bytes: a picture and comments."""
    body = io.BytesIO()
    picture(400, 400).save(body, "JPEG")
    start, rest = body.getvalue()[:2], body.getvalue()[2:]
    padding = bytearray()
    missing = size - len(start) - len(rest)
    while missing:
        step = min(missing, 65_000) if missing - 65_000 not in range(1, 4) else 60_000
        padding += b"\xff\xfe" + struct.pack(">H", step - 2) + bytes(step - 4)
        missing -= step
    path.write_bytes(start + bytes(padding) + rest)


def write_png_bomb(path: Path, *, side: int = 30_000) -> None:
    """A few kilobytes that unpack to a square of ``side`` pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    data = b"".join([packer.compress(row * 1000) for _ in range(side // 1000)]) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", data) + _png_chunk(b"IEND", b"")
    )


def write_gif_bomb(path: Path) -> None:
    """Thirty bytes that claim 65,535 × 65,535 pixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x44\x01\x00;"
    path.write_bytes(head + frame)


def write_noise(path: Path, *, side: int = 2500) -> None:
    """A photo that compresses badly."""
    Image.frombytes("L", (side, side), random.Random(5).randbytes(side * side)).convert("RGB").save(
        path, "JPEG", quality=100, subsampling=0
    )


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
