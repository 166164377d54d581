"""The jobs a worker knows. Runs in workers only."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av.error

from libs.media.finding import Reason, Unreadable
from libs.media.frame import TROUBLES
from libs.media.look import look
from libs.media.look_photo import BROKEN
from libs.media.look_video import raise_if_out_of_memory
from libs.media.make_photo import make_photo
from libs.media.make_video import Spoilt, make_video
from libs.media.order import PhotoOrder, VideoOrder


def run(message: Mapping[str, Any], report: Callable[[float], None]) -> Mapping[str, Any]:
    """Do what the message asks and answer with a finding, or with an empty object for a file that was made."""
    path = Path(message["path"])
    match message["job"]:
        case "probe":
            bounds = {name: message[name] for name in ("max_photo_pixels", "max_video_pixels")}
            return asdict(look(path, **bounds))
        case "make_photo":
            photo = PhotoOrder(**message["order"])
            return _made(lambda: make_photo(path, Path(message["target"]), photo), broken=BROKEN)
        case "make_video":
            target, video = Path(message["target"]), _video_order(message["order"])
            cover = Path(message["cover"]) if message["cover"] else None
            return _made(
                lambda: make_video(path, target, video, cover=cover, report=report),
                broken=(av.error.FFmpegError, OSError, Spoilt),
            )
        case unknown:
            raise ValueError(f"no such job: {unknown}")


def _video_order(data: Mapping[str, Any]) -> VideoOrder:
    cover = data["cover"]
    return VideoOrder(**{**data, "cover": PhotoOrder(**cover) if cover else None})


def _made(make: Callable[[], None], *, broken: tuple[type[Exception], ...]) -> Mapping[str, Any]:
    try:
        make()
    except broken as exc:
        raise_if_out_of_memory(exc)
        number = getattr(exc, "errno", None)
        if number in TROUBLES:
            raise
        if number == errno.EFBIG:
            detail = "the result would be larger than allowed"
        else:
            detail = str(exc) if isinstance(exc, Spoilt) else f"converting it failed with {type(exc).__name__}"
        return asdict(Unreadable(reason=Reason.CORRUPT, detail=detail))
    return {}
