"""What the kept files of a request are good for, asked before it is accepted. The same rules are asked before init."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from libs.media.fitness import AsIs, Hopeless, fitness
from libs.media.limits import MediaLimits
from libs.media.probe import finding_from
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError


class KeptFile(Protocol):
    """A file's row, as far as it is judged."""

    @property
    def probe(self) -> dict[str, Any]: ...


def judge(request: PostRequest, kept: Mapping[str, KeptFile]) -> tuple[set[str], list[FieldError]]:
    """The ids that may go out as they are, and what forbids others. Files by URL are judged once they are here."""
    fit: set[str] = set()
    flaws: list[FieldError] = []
    for place, source in enumerate(request.media):
        if source not in kept:
            continue
        verdict = fitness(
            finding_from(kept[source].probe),
            kind=request.kind,
            limits=MediaLimits(),
            convert=request.convert == "auto",
            covered=request.cover is not None,
        )
        match verdict:
            case AsIs():
                fit.add(source)
            case Hopeless():
                flaws += verdict.errors(f"media.{place}")
    if request.cover is not None and request.cover in kept and kept[request.cover].probe.get("kind") != "photo":
        flaws.append(FieldError("cover", "not_a_photo", "A cover is a photo.", remedy="Upload an image."))
    return fit, flaws
