"""What stands in for a wrong field while the rest of its request is looked at.

Nothing may be said because of a stand-in. So each breaks no rule by itself, and where there is none of that kind, as
for `kind`, the rest is looked at once with every value that could have been meant.
"""

from collections.abc import Collection, Mapping
from itertools import product
from typing import Any, Final

from libs.model.post_request import PHOTOS_MAX, PostRequest

SOURCE: Final = "https://stand-in.invalid/"
_MOMENT: Final = "2027-01-01T00:00:00Z"
_WHOLE: Final[Mapping[str, Any]] = {
    "account_id": "stand-in",
    "account_ids": ["stand-in"],
    "kind": "video",
    "media": [SOURCE] * PHOTOS_MAX,
}
"""By field; the others are left out, and so are what they are by default."""
_INNER: Final[Mapping[str, Any]] = {
    "consent.preview_confirmed": True,
    "consent.express_consent": True,
    "consent.by": "",
    "consent.at": _MOMENT,
}
_EITHER: Final[Mapping[str, tuple[Any, ...]]] = {
    "kind": ("video", "photo"),
    "mode": ("direct", "inbox"),
    "draft": (False, True),
}
"""Fields whose value decides which rules there are."""


def whole(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The body with a stand-in for the field, if the body has it or must."""
    rest = {key: value for key, value in body.items() if key != name}
    return rest | {name: _WHOLE[name]} if name in _WHOLE else rest


def inner(body: dict[str, Any], place: tuple[int | str, ...]) -> dict[str, Any]:
    """The same for what is wrong inside of a field: one of several media, accounts or words of consent."""
    name, *rest = place
    match name, rest, body.get(str(name)):
        case "media", [int(n), *_], list() | tuple() as items:
            return body | {"media": [SOURCE if at == n else item for at, item in enumerate(items)]}
        case "account_ids", [int(n), *_], list() | tuple() as items:
            return body | {"account_ids": [f"stand-in {n}" if at == n else item for at, item in enumerate(items)]}
        case "consent", [str(word), *_], dict() as given if f"consent.{word}" in _INNER:
            return body | {"consent": given | {word: _INNER[f"consent.{word}"]}}
        case "consent", [str(word), *_], dict() as given:
            return body | {"consent": {key: value for key, value in given.items() if key != word}}
        case _:
            return whole(body, str(name))


def meant(request: PostRequest, wrong: Collection[str]) -> tuple[PostRequest, ...]:
    """The requests that may have been meant, when the fields `wrong` are not to be believed."""
    names = [name for name in _EITHER if name in wrong]
    return tuple(
        request.model_copy(update=dict(zip(names, values, strict=True)))
        for values in product(*(_EITHER[name] for name in names))
    )
