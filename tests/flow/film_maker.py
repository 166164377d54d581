"""`python film_maker.py FOLDER`: makes real films of noise, which no encoder can make small, with a real encoder.

In a process of its own: what an encoder leaves behind in memory is nobody else's.
"""

import random
import sys
from pathlib import Path

import av

SMALL = ("small.mp4", 3_000_000, (480, 480))
LARGE = ("large.mp4", 150_000_000, (1920, 1080))
RATE = 24
FRAMES_MIN = 80
"""TikTok takes nothing shorter than three seconds."""


def make(path: Path, *, size: int, shape: tuple[int, int]) -> None:
    """An H.264 film: noise until it has `size` bytes, then a still."""
    width, height = shape
    noise = random.Random(7).randbytes(4 * width * height)
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "4"}
        frames, window, written = 0, 0, 0
        while frames < FRAMES_MIN or written < size:
            if written < size:
                # A window that moves over the same noise: new to the encoder each time, and cheap to make.
                window += 104_729
            picture = av.VideoFrame(width, height, "yuv420p")
            for plane in picture.planes:
                start = window % (len(noise) - plane.buffer_size)
                plane.update(noise[start : start + plane.buffer_size])
            for packet in stream.encode(picture):
                written += packet.size
                film.mux(packet)
            frames += 1
        film.mux(stream.encode(None))


def main() -> None:
    folder = Path(sys.argv[1])
    for name, size, shape in (SMALL, LARGE):
        make(folder / name, size=size, shape=shape)


if __name__ == "__main__":
    main()
