"""May this file go out as it is, must it be made ready first, or can nothing be done with it? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.media.finding import Probe, Unreadable
from libs.media.limits import MediaKind, MediaLimits
from libs.media.rules import Violation, unmendable, violations, worth_converting
from libs.model.problem import FieldError


@dataclass(frozen=True, slots=True)
class AsIs:
    """It breaks no rule."""


@dataclass(frozen=True, slots=True)
class Convert:
    """Conversion mends it. ``why`` names the rules it breaks, or what would come out better."""

    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hopeless:
    """It cannot be posted. ``violations`` are those that stand in the way, not those conversion would mend."""

    violations: tuple[Violation, ...]

    def errors(self, field: str) -> list[FieldError]:
        """The same in a problem's words, for a file that stands at ``field`` (``media.0``) of the request."""
        return [placed(violation.as_field_error(), field) for violation in self.violations]


def fitness(
    finding: Probe | Unreadable, *, kind: MediaKind, limits: MediaLimits, convert: bool, covered: bool = False
) -> AsIs | Convert | Hopeless:
    """What to do with a file for a post of ``kind``. ``convert``: conversion is allowed; ``covered``: a cover image
    shall stand in it, which takes conversion whatever the file is."""
    found = violations(finding, kind=kind, limits=limits)
    if not convert and covered:
        found.append(_untouchable())
    hopeless = unmendable(found) if convert else found
    if isinstance(finding, Unreadable) or hopeless:
        return Hopeless(tuple(hopeless))
    if not convert:
        return AsIs()
    why = (*(violation.rule for violation in found), *worth_converting(finding), *(("cover",) if covered else ()))
    return Convert(why) if why else AsIs()


def placed(error: FieldError, field: str) -> FieldError:
    """The error of a file, said of the ``field`` it stands at. What is said of ``cover`` is the cover's."""
    if error.field.partition(".")[0] == "cover":
        return error
    return FieldError(f"{field}.{error.field}", error.code, error.detail, error.limit, error.found, error.remedy)


def errors_of(found: Sequence[Violation]) -> list[FieldError]:
    return [violation.as_field_error() for violation in found]


def _untouchable() -> Violation:
    return Violation(
        field="cover",
        rule="cover",
        limit="a cover image only inside the video: convert must be auto",
        found="convert: never",
        remedy="allow conversion, or name a moment of the video with video_cover_timestamp_ms",
        convertible=False,
    )
