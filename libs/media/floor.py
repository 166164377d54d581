"""How small a video may be, where whoever posts it wants more than TikTok asks for."""

from collections.abc import Iterator

from libs.media.finding import Probe, Unreadable, VideoProbe
from libs.model.problem import FieldError


def floor_error(found: Probe | Unreadable, *, floor: object, field: str) -> Iterator[FieldError]:
    """`floor` is a request's `resolution_min`, such as `720x1280`, which holds either way up; None asks for nothing."""
    if not isinstance(floor, str) or not isinstance(found, VideoProbe):
        return
    sides, wanted = sorted((found.width, found.height)), sorted(map(int, floor.split("x")))
    if sides[0] < wanted[0] or sides[1] < wanted[1]:
        yield FieldError(
            field,
            "too_small",
            f"The video has fewer pixels than the {floor} that were asked for.",
            limit=f"{floor} pixels, either way up",
            found=f"{found.width}x{found.height}",
            remedy="Export it larger.",
        )
