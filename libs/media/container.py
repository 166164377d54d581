"""Recognizing containers by their first bytes, and seeing whether their end is missing. Reads headers only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO, Final

_BOXES_MAX: Final = 200_000  # a fragmented hour has some thousands
_HEAD_BYTES: Final = 4096
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_AUDIO_BRANDS: Final = frozenset({b"M4A ", b"M4B ", b"M4P "})
_FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})


@dataclass(frozen=True, slots=True)
class Container:
    """A recognized file: ``name`` as in the findings, ``demuxer`` FFmpeg's name for its reader (None for photos)."""

    name: str
    mime: str
    demuxer: str | None
    truncated: bool = False


class NoIndex(Exception):
    """An MP4 or MOV whose index (``moov``) is missing: with its end, or altogether."""


def recognize(file: BinaryIO) -> Container | None:
    """What the file is by its content; None when it is nothing we open. Raises ``NoIndex``."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[4:8] in _FIRST_BOXES:
        return _iso(file, head, size)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska(head, size)
    if head[:4] == b"RIFF":
        return _riff(head, size)
    return _by_magic(head)


def _by_magic(head: bytes) -> Container | None:
    for magic, name, mime, demuxer in (
        (b"\xff\xd8\xff", "jpeg", "image/jpeg", None),
        (b"\x89PNG\r\n\x1a\n", "png", "image/png", None),
        (b"GIF87a", "gif", "image/gif", None),
        (b"GIF89a", "gif", "image/gif", None),
        (b"FLV\x01", "flv", "video/x-flv", "flv"),
        (b"\x00\x00\x01\xba", "mpeg", "video/mpeg", "mpeg"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "video/x-ms-asf", "asf"),
        (b"OggS", "ogg", "video/ogg", "ogg"),
        (b"ID3", "mp3", "audio/mpeg", "mp3"),
        (b"fLaC", "flac", "audio/flac", "flac"),
    ):
        if head.startswith(magic):
            return Container(name, mime, demuxer)
    if len(head) > 188 * 3 and head[0] == head[188] == head[376] == 0x47:
        return Container("mpegts", "video/mp2t", "mpegts")
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2:  # MPEG audio, layer III
        return Container("mp3", "audio/mpeg", "mp3")
    return None


def _iso(file: BinaryIO, head: bytes, size: int) -> Container:
    major, brands = b"qt  ", frozenset[bytes]()  # QuickTime of before 2001 has no ftyp
    if head[4:8] == b"ftyp":
        end = min(int.from_bytes(head[:4], "big"), len(head))
        major = head[8:12]
        brands = frozenset(head[at : at + 4] for at in range(16, end - 3, 4)) | {major}
    if major in _AVIF_BRANDS or (major == b"mif1" and brands & _AVIF_BRANDS):
        return Container("avif", "image/avif", None)
    if major in _HEIF_BRANDS:
        return Container("heic", "image/heic", None)
    indexed, truncated = _walk(file, size)
    if not indexed:
        raise NoIndex
    match major:
        case b"qt  ":
            name, mime = "mov", "video/quicktime"
        case _ if major in _AUDIO_BRANDS:
            name, mime = "m4a", "audio/mp4"
        case _ if major.startswith((b"3g", b"3G")):
            name, mime = "3gp", "video/3gpp"
        case _:
            name, mime = "mp4", "video/mp4"
    return Container(name, mime, "mov", truncated)


def _walk(file: BinaryIO, size: int) -> tuple[bool, bool]:
    """(has an index, is cut): the top-level boxes must fill the file exactly."""
    at, indexed = 0, False
    for _ in range(_BOXES_MAX):
        if at >= size:
            return indexed, False
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return indexed, True
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - at  # to the end of the file
        if length < 8 or not all(0x20 <= letter < 0x7F or letter == 0xA9 for letter in kind):
            return indexed, not indexed  # rubbish after the last box harms nobody once the index was there
        at += length
        if at > size:
            return indexed, True
        indexed = indexed or kind == b"moov"
    return indexed, False


def _matroska(head: bytes, size: int) -> Container:
    ebml_length, at = _vint(head, 4)
    header_end = at + (ebml_length or 0)
    webm = b"\x42\x82\x84webm" in head[:header_end]
    truncated = False
    if head[header_end : header_end + 4] == b"\x18\x53\x80\x67":
        segment_length, begin = _vint(head, header_end + 4)
        truncated = segment_length is not None and begin + segment_length > size
    name, mime = ("webm", "video/webm") if webm else ("mkv", "video/x-matroska")
    return Container(name, mime, "matroska", truncated)


def _vint(data: bytes, at: int) -> tuple[int | None, int]:
    """EBML's variable-length number at ``at`` (None: unknown, as live recordings write), and where it ends."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if not 1 <= width <= 8 or at + width > len(data):
        return None, at + 1
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width


def _riff(head: bytes, size: int) -> Container | None:
    truncated = int.from_bytes(head[4:8], "little") + 8 > size
    match head[8:12]:
        case b"AVI ":
            return Container("avi", "video/x-msvideo", "avi", truncated)
        case b"WEBP":
            return Container("webp", "image/webp", None, truncated)
        case b"WAVE":
            return Container("wav", "audio/wav", "wav")
        case _:
            return None
