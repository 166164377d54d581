"""Looking into a file and saying what it is. Runs in workers only."""

from __future__ import annotations

import os
from pathlib import Path

from libs.media.container import NoIndex, recognize
from libs.media.finding import Probe, Reason, Unreadable
from libs.media.look_photo import look_into_photo
from libs.media.look_video import look_into_video


def look(path: Path, *, max_photo_pixels: int, max_video_pixels: int) -> Probe | Unreadable:
    """Decide by content; the name of ``path`` plays no part."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return Unreadable(reason=Reason.EMPTY, detail="the file has no bytes")
        try:
            container = recognize(file)
        except NoIndex:
            return Unreadable(
                reason=Reason.TRUNCATED, detail="the index of the MP4 or MOV is missing: its end was never received"
            )
    if container is None:
        return Unreadable(reason=Reason.UNKNOWN_FORMAT, detail="its content is neither a video nor a photo we open")
    if container.mime.startswith("image/"):
        return look_into_photo(path, container, size=size, max_pixels=max_photo_pixels)
    return look_into_video(path, container, size=size, max_pixels=max_video_pixels)
