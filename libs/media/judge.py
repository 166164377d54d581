"""What the media of a request are good for, asked before it is accepted. The same rules are asked before init."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from libs.egress import Refusal
from libs.media.fitness import AsIs, Hopeless, fitness
from libs.media.floor import floor_error
from libs.media.limits import MediaLimits
from libs.media.probe import finding_from
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError


class KeptFile(Protocol):
    """A file's row, as far as it is judged."""

    @property
    def probe(self) -> dict[str, Any]: ...


Verdict = tuple[set[str], list[FieldError]]
Judge = Callable[[PostRequest, Mapping[str, KeptFile]], Verdict]


def judging(refusal: Callable[[str], Refusal | None]) -> Judge:
    """`judge` with the egress guard's say in URLs, by which no name is resolved."""
    return lambda request, kept: judge(request, kept, refusal=refusal)


def judge(request: PostRequest, kept: Mapping[str, KeptFile], *, refusal: Callable[[str], Refusal | None]) -> Verdict:
    """The ids that may go out as they are, and what forbids others. Files by URL are judged once they are here."""
    fit: set[str] = set()
    flaws = list(_url_errors(request, refusal))
    for place, source in enumerate(request.media):
        if source not in kept:
            continue
        found = finding_from(kept[source].probe)
        flaws += floor_error(found, floor=request.resolution_min, field=f"media.{place}")
        verdict = fitness(
            found,
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


def url_error(field: str, refused: Refusal) -> FieldError:
    """What the guard says of a URL, in a problem's words. Never the URL: it may hold a secret."""
    detail = f"{refused.detail[:1].upper()}{refused.detail[1:]}."
    return FieldError(field, str(refused.reason), detail, remedy=refused.remedy)


def _url_errors(request: PostRequest, refusal: Callable[[str], Refusal | None]) -> Iterator[FieldError]:
    named = [(f"media.{place}", source) for place, source in enumerate(request.media)]
    named += [("cover", request.cover)] if request.cover else []
    for field, source in named:
        if "://" in source and (refused := refusal(source)):
            yield url_error(field, refused)
