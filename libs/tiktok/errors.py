"""Everything that can go wrong between us and TikTok.

    TikTokError
    ├── NoReply         no complete reply came
    ├── ServerTrouble   TikTok's own trouble: any 5xx, or the code internal_error
    ├── Refused         an error code, with its reading
    │   ├── Throttled       too many calls in this minute
    │   └── OAuthRefused    an OAuth error, the string kind of 1.4
    ├── Unreadable      a reply that is not what the fact sheet says
    └── WrongLength     the bytes handed to a chunk PUT are not as many as promised

Each says by `may_have_taken_effect` whether the call may have done its work all the same: that, and not the class,
decides if a call that is not idempotent may be sent again. No text here holds a token or a signed URL.
"""

import re
from typing import ClassVar

from libs.tiktok.readings import TABLE, Class, Reading, Source, read_code, read_fail_reason, read_oauth
from libs.tiktok.wire import Trace

__all__ = [
    "TABLE",
    "Class",
    "NoReply",
    "OAuthRefused",
    "Reading",
    "Refused",
    "ServerTrouble",
    "Source",
    "Throttled",
    "TikTokError",
    "Unreadable",
    "WrongLength",
    "read_code",
    "read_fail_reason",
    "read_oauth",
    "redact",
]

MAX_TEXT = 500
"""Longest text of TikTok's that an error keeps, in characters."""

_SECRET_PARAMETER = re.compile(
    r"((?:upload_token|access_token|refresh_token|client_secret|code_verifier|code|token|sig|signature)=)[^&\s\"'<>]+",
    re.IGNORECASE,
)
_BARE_TOKEN = re.compile(r"\b((?:act|rft|clt)\.|Bearer\s+)[^\s\"'<>,;&]+", re.IGNORECASE)


def redact(text: str) -> str:
    """The text without tokens and secrets, one line, bounded: fit for an error, a log or a timeline."""
    text = _SECRET_PARAMETER.sub(r"\1[redacted]", text[: 4 * MAX_TEXT])
    text = _BARE_TOKEN.sub(r"\1[redacted]", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT]


class TikTokError(Exception):
    """A call to TikTok that brought no answer to use. `trace` says which call, how long, and what little came back."""

    OURS: ClassVar[str] = "tiktok_error"
    """What to call it where TikTok gave no code."""

    def __init__(self, text: str, *, trace: Trace) -> None:
        super().__init__(f"{trace.call}: {text}")
        self.trace = trace

    @property
    def word(self) -> str:
        """Its code in timelines and events: TikTok's own, else one of ours. Stable, and never empty."""
        return str(getattr(self, "code", "")) or self.OURS

    @property
    def status(self) -> int | None:
        """The HTTP status, None when no reply came."""
        return self.trace.status

    @property
    def log_id(self) -> str:
        return self.trace.log_id

    @property
    def elapsed_ms(self) -> int:
        return self.trace.elapsed_ms

    @property
    def may_have_taken_effect(self) -> bool:
        """Whether TikTok may have done what was asked. True unless the opposite is proven."""
        return True


class NoReply(TikTokError):
    """No complete reply came: refused, reset, or the deadline passed. `sent` is False only if no byte of it left."""

    OURS = "no_reply"

    def __init__(self, text: str, *, trace: Trace, sent: bool) -> None:
        super().__init__(text, trace=trace)
        self.sent = sent

    @property
    def may_have_taken_effect(self) -> bool:
        return self.sent


class ServerTrouble(TikTokError):
    """TikTok answered with trouble of its own. `code` is "" when the body told none."""

    OURS = "server_trouble"

    def __init__(self, message: str, *, trace: Trace, code: str) -> None:
        super().__init__(f"{trace.status} {code}: {message}", trace=trace)
        self.code = code
        self.message = message


class Refused(TikTokError):
    """TikTok said no. `code` and `message` are its words, `reading` is what they mean."""

    OURS = "refused"

    def __init__(self, message: str, *, trace: Trace, code: str, reading: Reading) -> None:
        super().__init__(f"{trace.status} {code}: {message}", trace=trace)
        self.code = code
        self.message = message
        self.reading = reading

    @property
    def may_have_taken_effect(self) -> bool:
        """A refusal did nothing, unless neither its code nor its status is known to be one."""
        return self.reading.kind is Class.UNKNOWN and (self.status or 0) < 400


class Throttled(Refused):
    """Too many calls in this minute. TikTok documents no `Retry-After`: wait for the rest of the minute."""


class OAuthRefused(Refused):
    """An OAuth error. Its `code` is the string `error`; the HTTP status tells nothing, it is often 200."""

    @property
    def may_have_taken_effect(self) -> bool:
        """TikTok's own trouble may have struck after the grant was used; every other refusal did nothing."""
        return self.reading.kind in (Class.RETRY, Class.UNKNOWN)


class Unreadable(TikTokError):
    """A reply that is not what the fact sheet says. `why` names what is wrong with it, never what it holds."""

    OURS = "unreadable_reply"

    def __init__(self, why: str, *, trace: Trace) -> None:
        super().__init__(f"{trace.status}, {why}", trace=trace)
        self.why = why


class WrongLength(TikTokError):
    """The body of a chunk ended early or went on past its range: the file is not the one that was planned."""

    OURS = "wrong_length"
