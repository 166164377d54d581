"""Making small videos with a real encoder, and then spoiling them."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

os.environ["SVT_LOG"] = "1"  # the AV1 encoder's greeting is no test output
SAMPLE_RATE = 48_000


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What to encode: flat pictures whose grey changes, one second of them repeated as often as needed."""

    codec: str = "libx264"
    audio: str | None = "aac"
    container: str = "mp4"
    width: int = 360
    height: int = 640
    rate: Fraction | int = 30
    seconds: Fraction | float = 3
    pixels: str = "yuv420p"
    rotation: int = 0
    """Clockwise degrees a player shall turn it."""
    muxing: tuple[tuple[str, str], ...] = ()
    steps: tuple[int, ...] = (1,)
    """Ticks between pictures, in turn: more than one number makes the rate vary."""

    def write(self, path: Path) -> None:
        with av.open(str(path), "w", format=self.container, options=dict(self.muxing)) as file:
            pictures: Any = file.add_stream(self.codec, rate=self.rate, options=_fast(self.codec))
            pictures.width, pictures.height, pictures.pix_fmt = self.width, self.height, self.pixels
            pictures.codec_context.thread_count = 1  # several wait for one another on pictures as small as these
            tick = 1 / Fraction(self.rate)
            pictures.codec_context.time_base = tick
            if self.rotation:
                pictures.set_display_rotation(-self.rotation)
            sound: Any = file.add_stream(self.audio, rate=SAMPLE_RATE) if self.audio else None
            for packet in _pictures(pictures, self, tick):
                file.mux(packet)
            if sound is not None:
                for packet in _silence(sound, float(self.seconds)):
                    file.mux(packet)


def _fast(codec: str) -> dict[str, str]:
    match codec:
        case "libx264":
            return {"preset": "ultrafast"}
        case "libx265":
            return {"preset": "ultrafast", "x265-params": "log-level=none"}
        case "libvpx" | "libvpx-vp9":
            return {"deadline": "realtime", "cpu-used": "8"}
        case "libsvtav1":
            return {"preset": "12"}
        case _:
            return {}


def _pictures(stream: Any, clip: Clip, tick: Fraction) -> Iterable[Any]:
    end = round(Fraction(clip.seconds) / tick)
    time = number = 0
    while time < end:
        frame = av.VideoFrame(clip.width, clip.height, clip.pixels)
        for plane in frame.planes:
            plane.update(bytes([16 + number * 5 % 200]) * plane.buffer_size)
        frame.pts, frame.time_base = time, tick
        yield from stream.encode(frame)
        time += clip.steps[number % len(clip.steps)]
        number += 1
    yield from stream.encode(None)


def _silence(stream: Any, seconds: float) -> Iterable[Any]:
    context = stream.codec_context
    step = context.frame_size or 1024
    for at in range(0, round(seconds * SAMPLE_RATE), step):
        frame = av.AudioFrame(context.format.name, context.layout.name, step)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def write_sound(path: Path, *, container: str, codec: str) -> None:
    """A song."""
    with av.open(str(path), "w", format=container) as file:
        sound: Any = file.add_stream(codec, rate=SAMPLE_RATE)
        for packet in _silence(sound, 3):
            file.mux(packet)


def write_long(path: Path, *, seconds: int, clip: Clip = Clip(audio=None)) -> None:
    """Minutes of video in no time: one second is encoded, and its packets are written again and again."""
    second = path.with_suffix(".second")
    replace(clip, seconds=1, audio=None).write(second)
    with av.open(str(second)) as source, av.open(str(path), "w", format=clip.container) as target:
        stream: Any = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets: list[Any] = [packet for packet in source.demux(stream) if packet.size]
        ticks = round(1 / stream.time_base)
        bodies = [(bytes(packet), packet.pts, packet.dts, packet.duration, packet.is_keyframe) for packet in packets]
        for second_number in range(seconds):
            for body, pts, dts, duration, keyframe in bodies:
                packet = av.Packet(body)
                packet.stream, packet.time_base = copy, stream.time_base
                packet.pts, packet.dts = pts + second_number * ticks, dts + second_number * ticks
                packet.duration, packet.is_keyframe = duration, keyframe
                target.mux(packet)
    second.unlink()


def write_scene(
    path: Path,
    picture: Image.Image,
    *,
    rotation: int = 0,
    beep_at: float | None = None,
    seconds: int = 1,
    metadata: Mapping[str, str] = {},
    noisy: bool = False,
) -> None:
    """A video of one photo, with a sound that begins at ``beep_at`` seconds; or of noise, which compresses badly."""
    rate, noise = 30, random.Random(11)
    with av.open(str(path), "w", format="mp4") as file:
        file.metadata.update(metadata)
        pictures: Any = file.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "10"})
        pictures.width, pictures.height, pictures.pix_fmt = *picture.size, "yuv420p"
        if rotation:
            pictures.set_display_rotation(-rotation)
        pictures.codec_context.thread_count = 1
        sound: Any = file.add_stream("aac", rate=SAMPLE_RATE)
        make: Any = av.VideoFrame.from_image
        frame = make(picture).reformat(format="yuv420p")
        for number in range(rate * seconds):
            if noisy:
                for plane in frame.planes:
                    plane.update(noise.randbytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, rate)
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
        silence = bytes(4096)
        loud = struct.pack("1024f", *(0.8 if step % 100 < 50 else 0.0 for step in range(1024)))
        for at in range(0, seconds * SAMPLE_RATE, 1024):
            beep = av.AudioFrame("fltp", "stereo", 1024)
            wave = loud if beep_at is not None and at >= beep_at * SAMPLE_RATE else silence
            for plane in beep.planes:
                plane.update(wave)
            beep.sample_rate, beep.pts, beep.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
            file.mux(sound.encode(beep))
        file.mux(sound.encode(None))


def picture_at(path: Path, ms: int) -> Image.Image:
    """What is seen at that moment, as stored (players may turn it)."""
    with av.open(str(path)) as file:
        frames: Iterable[Any] = file.decode(file.streams.video[0])
        for frame in frames:
            if frame.time is not None and frame.time * 1000 + 1000 / 60 > ms:
                image: Image.Image = frame.to_image()
                return image
    raise AssertionError("the video ends before")


def first_sound_ms(path: Path) -> float:
    """When it is first loud."""
    with av.open(str(path)) as file:
        frames: Iterable[Any] = file.decode(file.streams.audio[0])
        for frame in frames:
            samples = struct.unpack(f"{frame.samples}f", bytes(frame.planes[0])[: frame.samples * 4])
            for number, sample in enumerate(samples):
                if abs(sample) > 0.3:
                    return float((frame.pts + number) * frame.time_base * 1000)
    raise AssertionError("it is silent")


def metadata_of(path: Path) -> dict[str, str]:
    """All the names and places a video tells."""
    with av.open(str(path)) as file:
        return dict(file.metadata) | {key: value for stream in file.streams for key, value in stream.metadata.items()}
