"""TikTok's rules as one page, made of the tables that check requests, judge files and read TikTok's answers."""

from collections.abc import Iterable
from typing import Any, Final, get_args

from libs.accounts.limit import PER_MINUTE, Call
from libs.media.advice import UPRIGHT
from libs.media.limits import RULES, MediaKind, MediaLimits
from libs.model.cap import CODE_OF, WHY
from libs.model.capability import UNSUPPORTED
from libs.model.post_request import (
    ACCOUNTS_MAX,
    METADATA_BYTES_MAX,
    PHOTO_DESCRIPTION_UNITS,
    PHOTO_TITLE_UNITS,
    PHOTOS_MAX,
    VIDEO_CAPTION_UNITS,
)
from libs.tiktok.readings import TABLE, Class, Source
from services.api.openapi.page import shell
from services.api.openapi.page_operation import fields, table
from services.api.openapi.prose import line

WAYS: Final = (
    ("REST v2", "publishing, drafts, a creator's profile and own videos",
     "a user access token and the scopes its creator allowed", "Every account that is connected here."),
    ("Webhooks", "hearing at once what became of a post or a grant",
     "the app's client secret, which signs them", "They come to `/webhooks/tiktok`; what they miss is asked for."),
    ("Research API", "public videos and comments, for academic research",
     "a client access token and `research.data` scopes, after TikTok's review", UNSUPPORTED["research"].reason),
)  # fmt: skip
"""(way, best for, governed by, what Clipwire does with it): checklist BO-21."""
MEANINGS: Final = {
    Class.OK: "Success.",
    Class.PERMANENT: "The same request would be refused again.",
    Class.USER_FIXABLE: "Whoever posts can change something and post again.",
    Class.OPERATOR_FIXABLE: "Whoever runs the TikTok app has to change something.",
    Class.REAUTHORIZE: "The account has to be connected again.",
    Class.REFRESH: "The access token is refreshed, and the call made again.",
    Class.WAIT_CAP: "The post gets a later time by itself.",
    Class.RATE_LIMITED: "The call is made again when the minute is over.",
    Class.RETRY: "It is tried again by itself where that is safe.",
    Class.STOP: "Final for this post.",
}
PLACES: Final = {
    Source.CODE: ("Answers", "`error.code` of an answer of TikTok's API."),
    Source.FAIL_REASON: ("Failed posts", "`fail_reason` of a post that TikTok took and did not publish."),
    Source.OAUTH: ("Connecting and tokens", "`error` of a token's answer, or of the browser's way back."),
}
SECTIONS: Final = ("fields", "texts", "media", "calls", "codes", "ways", "impossible")


def rules(document: dict[str, Any]) -> bytes:
    """The page; `document` is the OpenAPI document, for the fields of a post."""
    made = (_fields(document), _texts(), _media(), _calls(), _codes(), _ways(), _impossible())
    menu = "".join(f'<a href="#{name}">{title}</a>' for name, (title, _) in zip(SECTIONS, made, strict=True))
    sections = "".join(
        f'<section id="{name}"><h2>{title}</h2>{body}</section>'
        for name, (title, body) in zip(SECTIONS, made, strict=True)
    )
    return shell(
        "TikTok's rules",
        menu=f'<a class="top" href="/docs">API</a><a class="top" href="#top">TikTok\'s rules</a>{menu}',
        main=f"""<h1>TikTok's rules</h1>
<p>What is here is what is checked: the page is made of the tables that judge requests and files before TikTok is asked,
and read what TikTok answers. <code>POST /v1/posts/validate</code> asks all of it about a post, and makes none.</p>
{sections}""",
    )


def _fields(document: dict[str, Any]) -> tuple[str, str]:
    schema = document["components"]["schemas"]["PostNew"]
    return "A post's fields", table(list(fields(schema, document)))


def _texts() -> tuple[str, str]:
    units = "UTF-16 units: most emoji are two"
    return "Texts and counts", _rows((
        ("title of a video: its caption", f"at most {VIDEO_CAPTION_UNITS}", units),
        ("title of a photo post", f"at most {PHOTO_TITLE_UNITS}", units),
        ("description of a photo post", f"at most {PHOTO_DESCRIPTION_UNITS}", units),
        ("photos of a post", f"1 to {PHOTOS_MAX}", ""),
        ("accounts of a request", f"1 to {ACCOUNTS_MAX}", "one post for each"),
        ("metadata", f"at most {METADATA_BYTES_MAX} bytes", "as JSON"),
    ))  # fmt: skip


def _media() -> tuple[str, str]:
    limits, parts = MediaLimits(), []
    for kind in get_args(MediaKind):
        rows = (
            (name, rule.told(limits), "converted, unless `convert` is `never`" if rule.convertible else "refused")
            for (of, name), rule in RULES.items()
            if of == kind
        )
        parts.append(f"<h3>{kind.capitalize()}s</h3>{_rows(rows)}")
    wide, high = UPRIGHT
    parts.append(f"<p>Nothing is refused for its proportions; a video that is not {wide}:{high} gets a warning. How"
                 " long a video may be is the creator's own limit where that is shorter.</p>")  # fmt: skip
    return "Media", "".join(parts)


def _calls() -> tuple[str, str]:
    minute = _rows(
        (f"`{call}`", f"{most} a minute", "for each account")
        for call, most in PER_MINUTE.items()
        if call is not Call.STATUS_IDLE
    )
    day = _rows((f"`{CODE_OF[kind]}`", "in 24 hours", why) for kind, why in WHY.items())
    said = "<p>Nothing is refused for these: what has no room waits for its turn, and says until when.</p>"
    return "How often", f"{said}{minute}<h3>Caps, learned from TikTok's answers</h3>{day}"


def _codes() -> tuple[str, str]:
    parts = []
    for source, (title, said) in PLACES.items():
        rows = (
            (f"`{code}`", MEANINGS[reading.kind], reading.remedy)
            for (of, code), reading in TABLE.items()
            if of is source and reading.kind is not Class.OK
        )
        parts.append(f"<h3>{title}</h3><p>{line(said)}</p>{_rows(rows)}")
    parts.append("<p>Any other code is taken for no success, and never repeated blindly.</p>")
    return "What TikTok's codes mean", "".join(parts)


def _ways() -> tuple[str, str]:
    return "Ways to TikTok", _rows(
        (f"**{way}**", f"Best for {best}. Governed by {governed}.", ours) for way, best, governed, ours in WAYS
    )


def _impossible() -> tuple[str, str]:
    return "What no app can do", _rows((one.title, one.reason, one.instead) for one in UNSUPPORTED.values())


def _rows(rows: Iterable[tuple[str, str, str]]) -> str:
    return table(["<tr>" + "".join(f"<td>{line(cell)}</td>" for cell in row) + "</tr>" for row in rows])
