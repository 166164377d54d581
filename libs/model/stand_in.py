"""What stands in for a wrong field while the rest of its request is looked at.

Nothing may be said because of a stand-in. So each breaks no rule by itself, and where there is none of that kind, as
for `kind`, the rest is looked at once with every value that could have been meant.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final

from libs.model.post_request import PHOTOS_MAX, PostRequest

SOURCE: Final = "https://stand-in.invalid/"
_WHOLE: Final[Mapping[str, Any]] = {
    "account_id": "stand-in",
    "account_ids": ["stand-in"],
    "kind": "video",
    "media": [SOURCE] * PHOTOS_MAX,
}
"""By field; the others are left out, and so are what they are by default."""
_CONSENT: Final[Mapping[str, Any]] = {
    "preview_confirmed": True,
    "express_consent": True,
    "by": "",
    "at": "2027-01-01T00:00:00Z",
}
_EITHER: Final[Mapping[str, tuple[Any, ...]]] = {
    "kind": ("video", "photo"),
    "mode": ("direct", "inbox"),
    "draft": (False, True),
}
"""Fields whose value decides which rules there are."""


def mended(body: Mapping[Any, Any], places: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """A copy of the body with stand-ins at these places: a field, or what is wrong inside of one. Takes time in
    proportion to the body, however much of it is wrong."""
    made = dict(body)
    for name, *rest in places:
        if name in ("media", "account_ids", "consent") and rest and name in made:
            if made[name] is body[name]:
                made[name] = dict(body[name]) if name == "consent" else list(body[name])
            _inside(made[name], name, rest[0])
        elif name in _WHOLE:
            made[name] = _WHOLE[name]
        else:
            made.pop(name, None)
    return made


def _inside(value: Any, name: str, at: Any) -> None:
    """One of several media or accounts, or of the words of consent."""
    if name == "consent" and at in _CONSENT:
        value[at] = _CONSENT[at]
    elif name == "consent":
        value.pop(at, None)
    else:
        value[at] = SOURCE if name == "media" else f"stand-in {at}"


def meant(request: PostRequest, wrong: Collection[str]) -> tuple[PostRequest, ...]:
    """The requests that may have been meant, when the fields `wrong` are not to be believed."""
    names = [name for name in _EITHER if name in wrong]
    return tuple(
        request.model_copy(update=dict(zip(names, values, strict=True)))
        for values in product(*(_EITHER[name] for name in names))
    )
