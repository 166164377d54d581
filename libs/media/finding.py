"""What a look into a file found: plain values, the same on both sides of the worker's pipe."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why a file cannot be used at all."""

    EMPTY = "empty"
    """Zero bytes."""
    UNKNOWN_FORMAT = "unknown_format"
    """Neither a video nor a photo that Clipwire opens, whatever its name says."""
    UNKNOWN_CODEC = "unknown_codec"
    """A known container around pictures nobody here can decode."""
    NO_PICTURE = "no_picture"
    """Sound, subtitles or a cover, but no video."""
    TRUNCATED = "truncated"
    """The end is missing, and with it what is needed to read the rest."""
    CORRUPT = "corrupt"
    """The content contradicts itself; not one picture could be decoded."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """Decoding it would take more memory than a stranger's file is given."""
    TIME = "time"
    """Reading it took longer than allowed."""
    MEMORY = "memory"
    """Reading it took more memory than allowed."""
    CRASHED = "crashed"
    """Reading it killed the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The file cannot be used. ``detail`` is for people and names no paths."""

    reason: Reason
    detail: str
    kind: Literal["unreadable"] = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoProbe:
    """A video as its content tells it. Times in milliseconds, sizes in bytes or pixels, rates in frames per second."""

    size: int
    container: str
    """``mp4`` ``mov`` ``webm`` ``mkv`` ``3gp`` ``avi`` ``flv`` ``mpegts`` ``mpeg`` ``asf`` ``ogg``."""
    mime: str
    """What to call it when it is sent: ``video/mp4`` and so on."""
    codec: str
    """FFmpeg's name: ``h264`` ``hevc`` ``vp8`` ``vp9`` ``av1`` …"""
    profile: str | None
    pixel_format: str | None
    width: int
    height: int
    """As shown: after ``rotation``."""
    rotation: int
    """Clockwise degrees a player turns the stored picture: 0, 90, 180 or 270."""
    duration_ms: int
    """The longest of what the container declares and what its video and audio really hold."""
    frames: int
    average_frame_rate: float
    """Frames over the time they span, counted, not declared."""
    nominal_frame_rate: float | None
    """What the container claims; None when it claims nothing."""
    variable_frame_rate: bool
    audio_codec: str | None
    audio_channels: int | None
    audio_sample_rate: int | None
    truncated: bool
    """The container announces more bytes or more time than the file has."""
    damaged: bool
    """Pictures at the start decode, but others do not, or are blank as holes in a download are."""
    kind: Literal["video"] = "video"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoProbe:
    """A photo as its content tells it."""

    size: int
    format: str
    """``jpeg`` ``png`` ``webp`` ``gif`` ``heic`` ``avif``."""
    mime: str
    width: int
    height: int
    """In pixels, as shown: after ``orientation``."""
    orientation: int
    """The EXIF orientation, 1 (upright) … 8."""
    mode: str
    """Pillow's name for the pixels: ``RGB`` ``RGBA`` ``L`` ``P`` ``CMYK`` …"""
    animated: bool
    transparent: bool
    """It has an alpha channel or a transparent colour."""
    has_location: bool
    """Its metadata says where it was taken."""
    truncated: bool
    kind: Literal["photo"] = "photo"


Probe = VideoProbe | PhotoProbe
