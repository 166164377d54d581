"""Making an H.264/AAC MP4 that TikTok takes out of a video it may not. Runs in workers only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.audio.stream
import av.container
import av.error
import av.video.stream

from libs.media.container import recognize
from libs.media.filter import SOUND_FRAME, PictureFilter, SoundFilter, still
from libs.media.fit import canvas, frame_rate
from libs.media.look_photo import BROKEN
from libs.media.look_video import open_video, packets, picture_stream, raise_if_out_of_memory
from libs.media.make_photo import open_upright
from libs.media.order import LEAD_MS, SOUND_BIT_RATE, PhotoOrder, VideoOrder
from libs.media.rational import fraction

SAMPLE_RATE: Final = 48_000
_KEY_FRAME_S: Final = 2
_BROKEN_PACKETS_MAX: Final = 200
_AAC_EXTRA: Final = 3 * SOUND_FRAME  # samples the encoder may add around what it is given
_REPORTED_STEP: Final = 0.01
_BT709, _TV_RANGE = 1, 1


class Spoilt(Exception):
    """The source cannot be decoded."""


def make_video(
    source: Path, target: Path, order: VideoOrder, *, cover: Path | None, report: Callable[[float], None]
) -> None:
    """Write ``target``, with ``cover`` as its first ``LEAD_MS`` if there is one. Nothing but picture and sound gets
    across: no place, no names, no subtitles. Raises ``Spoilt``."""
    with source.open("rb") as file:
        container = recognize(file)
    if container is None or container.demuxer is None:
        raise Spoilt("it is no video")
    with (
        open_video(source, container) as reader,
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as writer,
    ):
        pictures = picture_stream(reader)
        if pictures is None:
            raise Spoilt("it has no picture")
        pictures.codec_context.thread_count = order.threads
        sounds = reader.streams.audio[0] if reader.streams.audio else None
        if getattr(sounds, "codec_context", None) is None:
            sounds = None  # no sound, or in a codec nobody here knows: the pictures go on without it
        making = _Making(writer, pictures, sounds, order, report)
        if cover is not None and order.cover is not None:
            making.lead_with(cover, order.cover)
        making.run(reader)


class _Making:
    """One conversion on its way: what comes in, what goes out, and how far it is."""

    def __init__(
        self,
        writer: av.container.OutputContainer,
        pictures: av.video.stream.VideoStream,
        sounds: av.audio.stream.AudioStream | None,
        order: VideoOrder,
        report: Callable[[float], None],
    ) -> None:
        self._writer, self._pictures, self._sounds, self._order, self._report = writer, pictures, sounds, order, report
        self._rate = frame_rate(
            order.average_frame_rate,
            nominal=order.nominal_frame_rate,
            variable=order.variable_frame_rate,
            low=order.frame_rate_min,
            high=order.frame_rate_max,
        )
        context = pictures.codec_context
        aspect = fraction(pictures.sample_aspect_ratio) or Fraction(1)
        width, height = max(1, round(context.width * aspect)), context.height
        if order.rotation % 180:
            width, height = height, width
        self._canvas = canvas(
            width,
            height,
            side_min=order.side_min,
            short_side_max=order.short_side_max,
            long_side_max=order.long_side_max,
        )
        self._picture_filter = PictureFilter(
            self._canvas, rate=self._rate, rotation=order.rotation, pixel_aspect=aspect
        )
        self._sound_filter = SoundFilter(rate=SAMPLE_RATE)
        self._picture_out = self._add_pictures()
        self._sound_out = self._add_sounds() if sounds is not None else None
        # The first picture's time becomes the end of the lead.
        self._origin = Fraction(pictures.start_time or 0) * (fraction(pictures.time_base) or 0)
        self._lead_s = Fraction(0)
        self._written = self._lead = self._broken = 0
        self._pictures_max = int(self._rate * order.duration_max_ms / 1000)
        self._samples_left = SAMPLE_RATE * order.duration_max_ms // 1000 - _AAC_EXTRA
        self._reported = 0.0

    def lead_with(self, cover: Path, order: PhotoOrder) -> None:
        """Show a photo first."""
        try:
            photo = open_upright(cover, order)
        except BROKEN as exc:
            raise Spoilt("its cover image cannot be opened") from exc
        picture = still(photo, self._canvas)
        self._lead = max(2, round(self._rate * LEAD_MS / 1000))
        self._lead_s = self._lead / self._rate
        for _ in range(self._lead):
            self._write_picture(picture)

    def run(self, reader: av.container.InputContainer) -> None:
        """Convert everything, as far as the longest allowed duration."""
        streams = [self._pictures, *([self._sounds] if self._sounds is not None else [])]
        for packet in packets(reader, streams):
            for frame in self._decoded(packet):
                if isinstance(frame, av.VideoFrame):
                    self._take_picture(frame)
                elif isinstance(frame, av.AudioFrame):
                    self._take_sound(frame)
            if self._written >= self._pictures_max:
                break
        for picture in self._picture_filter.flush():
            self._write_picture(picture)
        if self._written == self._lead:
            raise Spoilt("not one picture of it can be decoded")
        self._writer.mux(self._picture_out.encode(None))
        if self._sound_out is not None:
            for sound in self._sound_filter.flush():
                self._write_sound(sound)
            self._writer.mux(self._sound_out.encode(None))

    def _decoded(self, packet: av.Packet[Any]) -> Iterable[object]:
        try:
            return packet.decode()
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as exc:
            raise_if_out_of_memory(exc)
            self._broken += 1
            if self._broken > _BROKEN_PACKETS_MAX:
                raise Spoilt("too much of it cannot be decoded") from exc
            return []

    def _take_picture(self, frame: av.VideoFrame) -> None:
        tick = fraction(frame.time_base)
        if frame.pts is None or tick is None:
            return
        time = frame.pts * tick - self._origin
        if not 0 <= time * 1000 <= self._order.duration_max_ms:
            return  # a time far off would be filled up with copies
        for picture in self._picture_filter.push(frame, origin=self._origin):
            self._write_picture(picture)
        done = min(1.0, float(time * 1000 / max(1, self._order.duration_ms)))
        if done >= self._reported + _REPORTED_STEP:
            self._reported = done
            self._report(done)

    def _take_sound(self, frame: av.AudioFrame) -> None:
        tick = fraction(frame.time_base)
        if frame.pts is None or tick is None:
            return
        origin = self._origin - self._lead_s
        if frame.pts * tick - origin > Fraction(self._order.duration_max_ms, 1000):
            return
        for sound in self._sound_filter.push(frame, origin=origin):
            self._write_sound(sound)

    def _write_picture(self, picture: av.VideoFrame) -> None:
        if self._written < self._pictures_max:
            picture.pts, picture.time_base = self._written, 1 / self._rate
            picture.pict_type = av.video.frame.PictureType.NONE  # the encoder decides, not the source
            self._written += 1
            self._writer.mux(self._picture_out.encode(picture))

    def _write_sound(self, sound: av.AudioFrame) -> None:
        if self._sound_out is not None and self._samples_left >= sound.samples:
            self._samples_left -= sound.samples
            self._writer.mux(self._sound_out.encode(sound))

    def _add_pictures(self) -> av.video.stream.VideoStream:
        order = self._order
        stream = self._writer.add_stream(
            "libx264",
            rate=self._rate,
            options={
                "preset": "veryfast",
                "profile": "high",
                "crf": "20",
                "maxrate": str(order.max_bit_rate),
                "bufsize": str(order.max_bit_rate),
            },
        )
        stream.width, stream.height, stream.pix_fmt = self._canvas.width, self._canvas.height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self._rate
        context.gop_size = round(self._rate * _KEY_FRAME_S)
        context.thread_count = order.threads
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _TV_RANGE
        return stream

    def _add_sounds(self) -> av.audio.stream.AudioStream:
        stream = self._writer.add_stream("aac", rate=SAMPLE_RATE)
        stream.codec_context.layout = "stereo"
        stream.codec_context.bit_rate = SOUND_BIT_RATE
        return stream
