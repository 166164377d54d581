"""FFmpeg's filters as conversion needs them: any pictures or sounds in, one size, rate and format out. Workers only."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
import av.error
import av.filter
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageOps

from libs.media.fit import Canvas
from libs.media.rational import fraction

_HDR_TRANSFERS: Final = frozenset({16, 18})  # PQ and HLG, as H.273 numbers them
_TURNS: Final = {
    90: (("transpose", "clock"),),
    180: (("hflip", None), ("vflip", None)),
    270: (("transpose", "cclock"),),
}
SOUND_FRAME: Final = 1024


class PictureFilter:
    """Pictures of any size and time to pictures of one canvas at one rate, from time zero, none missing."""

    def __init__(self, canvas: Canvas, *, rate: Fraction, rotation: int, pixel_aspect: Fraction) -> None:
        self._canvas, self._rate, self._rotation, self._pixel_aspect = canvas, rate, rotation, pixel_aspect
        self._graph: av.filter.Graph | None = None
        self._shape: tuple[object, ...] = ()
        self._count = 0

    def push(self, frame: av.VideoFrame, *, origin: Fraction) -> Iterator[av.VideoFrame]:
        """The pictures that are certain now; ``origin`` is the source's time that becomes zero, in seconds."""
        shape = (
            frame.width,
            frame.height,
            frame.format.name,
            str(frame.time_base),
            frame.colorspace,
            frame.color_range,
        )
        if self._graph is None or shape != self._shape:
            yield from self.flush()
            self._graph, self._shape = self._build(frame), shape
        _shift(frame, origin)
        self._graph.vpush(frame)
        yield from self._pull(self._graph)

    def flush(self) -> Iterator[av.VideoFrame]:
        """The pictures still held back; the filter can be used again afterwards."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull(self._graph)
            self._graph = None

    def _pull(self, graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
        while True:
            try:
                picture = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            self._count += 1
            yield picture

    def _build(self, frame: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        graph.threads = 1
        aspect = self._pixel_aspect
        steps = [
            graph.add(
                "buffer",
                f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
                f":time_base={fraction(frame.time_base) or Fraction(1, 1000)}"
                f":pixel_aspect={aspect.numerator}/{aspect.denominator}"
                f":colorspace={int(frame.colorspace)}:range={int(frame.color_range)}",
            )
        ]
        if frame.interlaced_frame:
            steps.append(graph.add("yadif"))
        # The first picture stands from where the last filter ended, so that nothing is missing in between.
        start = float(self._count / self._rate)
        steps.append(graph.add("fps", f"fps={self._rate}:start_time={start}"))
        steps += [graph.add(name, argument) for name, argument in _TURNS.get(self._rotation, ())]
        colors = "out_color_matrix=bt709:out_range=tv"
        if frame.color_trc in _HDR_TRANSFERS:
            colors += ":out_transfer=bt709:out_primaries=bt709"
        canvas = self._canvas
        steps += [
            graph.add("scale", f"w={canvas.picture_width}:h={canvas.picture_height}:flags=bicubic:{colors}"),
            graph.add("format", "pix_fmts=yuv420p"),
            graph.add("pad", f"w={canvas.width}:h={canvas.height}:x=(ow-iw)/2:y=(oh-ih)/2:color=black"),
            graph.add("setsar", "sar=1"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*steps).configure()
        return graph


class SoundFilter:
    """Sound of any kind to stereo frames of ``SOUND_FRAME`` samples at one rate, from time zero, gaps filled."""

    def __init__(self, *, rate: int) -> None:
        self._rate = rate
        self._graph: av.filter.Graph | None = None
        self._shape: tuple[object, ...] = ()
        self._samples = 0

    def push(self, frame: av.AudioFrame, *, origin: Fraction) -> Iterator[av.AudioFrame]:
        """The sound that is certain now; ``origin`` is the source's time that becomes zero, in seconds."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate, str(frame.time_base))
        if self._graph is None or shape != self._shape:
            yield from self.flush()
            self._graph, self._shape = self._build(frame), shape
        _shift(frame, origin)
        self._graph.push(frame)
        yield from self._pull(self._graph)

    def flush(self) -> Iterator[av.AudioFrame]:
        """The sound still held back; the filter can be used again afterwards."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull(self._graph)
            self._graph = None

    def _pull(self, graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
        while True:
            try:
                sound = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            if isinstance(sound, av.AudioFrame):
                sound.pts, sound.time_base = self._samples, Fraction(1, self._rate)
                self._samples += sound.samples
                yield sound

    def _build(self, frame: av.AudioFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=fraction(frame.time_base),
            ),
            graph.add("aresample", f"{self._rate}:async=1:first_pts={self._samples}"),
            graph.add("aformat", f"sample_fmts=fltp:channel_layouts=stereo:sample_rates={self._rate}"),
            graph.add("asetnsamples", f"n={SOUND_FRAME}:p=0"),
            graph.add("abuffersink"),
        ).configure()
        return graph


def _shift(frame: av.VideoFrame | av.AudioFrame, origin: Fraction) -> None:
    tick = fraction(frame.time_base)
    if frame.pts is not None and tick is not None:
        frame.pts -= round(origin / tick)


def still(image: Image.Image, canvas: Canvas) -> av.VideoFrame:
    """A photo as one picture of a video: whole, centred, black around it."""
    fitted = ImageOps.pad(image, (canvas.width, canvas.height), Image.Resampling.LANCZOS, color=(0, 0, 0))
    picture: av.VideoFrame = av.VideoFrame.from_image(fitted)  # type: ignore[no-untyped-call]
    return picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
