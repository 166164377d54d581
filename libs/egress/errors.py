"""Every way egress says no.

    EgressError
    ├── Refused         a URL, address, header or body that is never dialled or sent; carries a `Refusal`
    ├── Unresolved      a name without an answer just now; may heal by itself
    ├── DownloadBroken  a streamed body that ended early, stalled or grew too large; carries a `Failed`
    └── BadAllowList    EGRESS_ALLOW is not a list of CIDRs that can be allowed

`post`, `get` and `check` of the client turn the first two into values: only pure functions and streams raise.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libs.egress.outcome import Failed


class Reason(StrEnum):
    """Why something a customer named is refused: a stable code for APIs and the attempts log."""

    TOO_LONG = "too_long"
    CHARACTERS = "characters"
    MALFORMED = "malformed"
    SCHEME = "scheme"
    PLAIN_HTTP = "plain_http"
    USERINFO = "userinfo"
    FRAGMENT = "fragment"
    HOST = "host"
    NUMERIC_HOST = "numeric_host"
    PORT = "port"
    ADDRESS = "address"
    OWN_SERVICE = "own_service"
    UNRESOLVED = "unresolved"
    TOO_MANY_ANSWERS = "too_many_answers"
    HEADER = "header"
    BODY = "body"


_REMEDIES = {
    Reason.TOO_LONG: "Use a shorter URL.",
    Reason.CHARACTERS: (
        "Percent-encode what is not plain ASCII, and write an international host name in its xn-- form."
    ),
    Reason.MALFORMED: "Write the URL as https://host/path.",
    Reason.SCHEME: "Use https.",
    Reason.PLAIN_HTTP: "Use https; plain http is only for networks the operator lists in EGRESS_ALLOW.",
    Reason.USERINFO: (
        "Take the user name and password out of the URL: an endpoint can have custom headers, a file a signed URL."
    ),
    Reason.FRAGMENT: "Drop the # and what follows; it is never sent.",
    Reason.HOST: "Use a full host name without a trailing dot.",
    Reason.NUMERIC_HOST: "Write an IPv4 address as four decimal numbers without leading zeros.",
    Reason.PORT: "Use a port from 1 to 65535.",
    Reason.ADDRESS: "Use a host on the public internet, or ask the operator to list its network in EGRESS_ALLOW.",
    Reason.OWN_SERVICE: "Use another port: this one belongs to Clipwire itself or to its backing services.",
    Reason.UNRESOLVED: "Check the host name, or try again once its DNS answers.",
    Reason.TOO_MANY_ANSWERS: "Let the host name resolve to fewer addresses.",
    Reason.HEADER: "Choose another header name, and a value in printable ASCII.",
    Reason.BODY: "Send a smaller body.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why, in words that are safe to show to whoever named the URL: never a resolved address, never the URL."""

    reason: Reason
    detail: str

    @property
    def remedy(self) -> str:
        return _REMEDIES[self.reason]

    @property
    def transient(self) -> bool:
        """Whether the same request may pass later without a change."""
        return self.reason is Reason.UNRESOLVED


class EgressError(Exception):
    """Something a customer named was not reached."""


class Refused(EgressError):
    """The guard does not let this out."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.reason}: {refusal.detail}")
        self.refusal = refusal


class Unresolved(EgressError):
    """The name has no answer just now."""

    def __init__(self, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.timed_out = timed_out


class DownloadBroken(EgressError):
    """A streamed body did not arrive whole."""

    def __init__(self, failed: "Failed") -> None:
        super().__init__(f"{failed.kind}: {failed.detail}")
        self.failed = failed


class BadAllowList(EgressError):
    """EGRESS_ALLOW cannot be read."""
