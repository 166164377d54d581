"""Looking into a video with PyAV. Runs in workers only."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import av
import av.container
import av.error
import av.logging
import av.stream
import av.video.stream

from libs.media.container import Container
from libs.media.finding import Reason, Unreadable, VideoProbe
from libs.media.rational import fraction

av.logging.set_level(None)  # FFmpeg's log quotes strangers' bytes

# Titles in no known alphabet are no reason to refuse a video. PyAV 19 thinks so too and dropped the option.
_TOLERANT: Final[dict[str, Any]] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
_PACKETS_MAX: Final = 4_000_000  # 18 hours at 60 frames a second; such a file is too long by any rule
_PACKETS_FOR_A_PICTURE: Final = 400
_SEEKS_TO_KEY_FRAMES: Final = frozenset({"mov", "matroska"})  # the others land anywhere, and must be converted anyhow
_BLANK_BYTES: Final = 16
_DECODER_BYTES_A_PIXEL: Final = 24  # sixteen pictures to refer to, of one and a half bytes a pixel
_LOOKED_AT: Final = (50, 97)  # per cent of the length
_DECLARED_MORE: Final = 1.1
_DECLARED_MORE_MS: Final = 1_000


def open_video(path: Path, container: Container) -> av.container.InputContainer:
    """The video, opened by the one demuxer its first bytes call for. Playlists that name other files stay shut."""
    if container.demuxer is None:
        raise ValueError(f"{container.name} is no video")
    reader: av.container.InputContainer = av.open(
        f"file:{path}",
        format=container.demuxer,
        options={"protocol_whitelist": "file", "format_whitelist": _whitelist(container.demuxer)},
        **_TOLERANT,
    )
    return reader


def _whitelist(demuxer: str) -> str:
    # FFmpeg compares the whole list of a demuxer's names
    return {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}.get(demuxer, demuxer)


@dataclass(slots=True)
class _Track:
    """What the packets of one stream say, in its time base."""

    time_base: Fraction
    shown: array[int] = field(default_factory=lambda: array("q"))
    sent: array[int] = field(default_factory=lambda: array("q"))
    end: int = 0
    blank: bool = False
    """Some packet begins with nothing but zeros: no codec writes that, but a hole in a download reads so."""

    def add(self, packet: av.Packet[av.stream.Stream]) -> None:
        self.blank = self.blank or bytes(memoryview(packet)[:_BLANK_BYTES]) == bytes(_BLANK_BYTES)
        if packet.pts is not None:
            self.shown.append(packet.pts)
        if packet.dts is not None:
            self.sent.append(packet.dts)
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None:
            self.end = max(self.end, time + (packet.duration or 0))

    @property
    def times(self) -> array[int]:
        """When each picture is shown; AVI knows that of some pictures only, but knows when each is sent."""
        return self.shown if len(self.shown) >= len(self.sent) else self.sent

    def span_ms(self) -> int:
        return round((self.end - min(self.times)) * self.time_base * 1000) if self.times else 0


def look_into_video(path: Path, container: Container, *, size: int, max_pixels: int) -> VideoProbe | Unreadable:
    """Read every packet (what is counted cannot lie) and decode a picture at the start, the middle and the end."""
    try:
        source = open_video(path, container)
    except (av.error.FFmpegError, ValueError) as exc:
        raise_if_out_of_memory(exc)
        reason = Reason.TRUNCATED if container.truncated else Reason.CORRUPT
        return Unreadable(reason=reason, detail=f"it begins like {container.name} but cannot be opened as one")
    with source:
        stream = picture_stream(source)
        if not len(source.streams):
            return Unreadable(reason=Reason.CORRUPT, detail=f"this {container.name} file names no video and no sound")
        if stream is None:
            return Unreadable(reason=Reason.NO_PICTURE, detail=f"this {container.name} file has no video in it")
        context = getattr(stream, "codec_context", None)  # None for codecs FFmpeg does not know, whatever the stubs say
        if context is None:
            return Unreadable(reason=Reason.UNKNOWN_CODEC, detail="its video is in no known codec")
        width, height = context.width, context.height
        if width * height > max_pixels:
            return Unreadable(
                reason=Reason.TOO_MANY_PIXELS, detail=f"{width}×{height} pixels; at most {max_pixels} are decoded"
            )
        context.thread_count = 1  # three pictures are decoded; threads would only cost memory
        return _read(source, stream, container, size=size)


def picture_stream(source: av.container.InputContainer) -> av.video.stream.VideoStream | None:
    """The first stream of moving pictures; a cover attached to a song is none."""
    for stream in source.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def _read(
    source: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    container: Container,
    *,
    size: int,
) -> VideoProbe | Unreadable:
    audio = source.streams.audio[0] if source.streams.audio else None
    pictures, sounds, cut = _count(source, stream, audio)
    declared_ms = (source.duration or 0) // 1000
    first = _picture_at(source, stream, 0)
    if first is None:
        raise_if_memory_is_short(pixels=stream.codec_context.width * stream.codec_context.height)
        reason = Reason.TRUNCATED if container.truncated or cut else Reason.CORRUPT
        return Unreadable(reason=reason, detail="not one picture of its video can be decoded")
    played_ms = max(pictures.span_ms(), sounds.span_ms() if sounds else 0)
    truncated = container.truncated or cut or declared_ms > played_ms * _DECLARED_MORE + _DECLARED_MORE_MS
    start = stream.start_time or 0
    length = pictures.end - start
    damaged = pictures.blank or (
        not truncated
        and container.demuxer in _SEEKS_TO_KEY_FRAMES
        and any(_picture_at(source, stream, start + length * part // 100) is None for part in _LOOKED_AT)
    )
    rotation = -first.rotation % 360  # FFmpeg counts counter-clockwise
    width, height = (first.width, first.height) if rotation % 180 == 0 else (first.height, first.width)
    context = stream.codec_context
    return VideoProbe(
        size=size,
        container=container.name,
        mime=container.mime,
        codec=stream.codec.canonical_name,
        profile=stream.profile,
        pixel_format=context.pix_fmt,
        width=width,
        height=height,
        rotation=rotation,
        duration_ms=max(declared_ms, played_ms),
        frames=len(pictures.times),
        average_frame_rate=_average_rate(pictures, stream),
        nominal_frame_rate=_rate(stream.base_rate),
        variable_frame_rate=_is_variable(pictures),
        audio_codec=audio.codec.canonical_name if audio and audio.codec_context else None,
        audio_channels=audio.channels if audio and audio.codec_context else None,
        audio_sample_rate=audio.rate if audio and audio.codec_context else None,
        truncated=truncated,
        damaged=damaged,
    )


def _count(
    source: av.container.InputContainer, stream: av.video.stream.VideoStream, audio: av.stream.Stream | None
) -> tuple[_Track, _Track | None, bool]:
    """The packets of the video and of its sound, and whether reading them ended in an error."""
    pictures = _Track(fraction(stream.time_base) or Fraction(1, 1000))
    sounds = _Track(fraction(audio.time_base) or Fraction(1, 1000)) if audio else None
    cut = False
    try:
        for packet in islice(packets(source, [stream, audio] if audio else [stream]), _PACKETS_MAX):
            if packet.size == 0:
                continue
            cut = cut or packet.is_corrupt
            track = pictures if packet.stream_index == stream.index else sounds
            if track is not None:
                track.add(packet)
    except av.error.FFmpegError as exc:
        raise_if_out_of_memory(exc)
        cut = True
    return pictures, sounds, cut


def packets(
    source: av.container.InputContainer, streams: Sequence[av.stream.Stream]
) -> Iterator[av.Packet[av.stream.Stream]]:
    """All packets of the streams, to the end of the file.

    FLV and MPEG announce streams whenever they like. PyAV gives up at a packet of one it did not know at opening, but
    reads on behind it when asked again.
    """
    while True:
        try:
            yield from source.demux(*streams)
        except IndexError:
            continue
        return


def _picture_at(
    source: av.container.InputContainer, stream: av.video.stream.VideoStream, time: int
) -> av.VideoFrame | None:
    """The first picture decoded from the key frame before ``time`` (in the stream's time base)."""
    try:
        source.seek(time, stream=stream)
        for packet in islice(packets(source, [stream]), _PACKETS_FOR_A_PICTURE):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    return frame
    except av.error.FFmpegError as exc:
        raise_if_out_of_memory(exc)
    return None


def raise_if_out_of_memory(error: Exception) -> None:
    """FFmpeg's ENOMEM as Python's: it says nothing of the file's soundness."""
    if isinstance(error, av.error.MemoryError):
        raise MemoryError from error  # noqa: TRY004 - the type tells what went wrong, nobody passed a wrong one


def raise_if_memory_is_short(*, pixels: int) -> None:
    """FFmpeg calls an H.264 picture it has no memory for invalid; so ask for the memory it would have taken."""
    try:
        mmap.mmap(-1, max(1, pixels) * _DECODER_BYTES_A_PIXEL).close()
    except OSError as exc:
        raise MemoryError from exc


def _average_rate(pictures: _Track, stream: av.video.stream.VideoStream) -> float:
    span = max(pictures.times) - min(pictures.times) if pictures.times else 0
    if span > 0:
        return round(float((len(pictures.times) - 1) / (span * pictures.time_base)), 3)
    return _rate(stream.average_rate) or 0.0


def _rate(ratio: object) -> float | None:
    rate = fraction(ratio)
    return round(float(rate), 3) if rate else None


def _is_variable(pictures: _Track) -> bool:
    """Whether any two pictures lie further apart, or closer, than half the usual step."""
    steps = [later - earlier for earlier, later in pairwise(sorted(pictures.times))]
    if not steps:
        return False
    usual = median(steps)
    slack = usual / 2 + 1  # one tick: clocks of whole milliseconds round
    return max(steps) > usual + slack or min(steps) < usual - slack
