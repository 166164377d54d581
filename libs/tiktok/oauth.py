"""Login Kit: sending a person to TikTok, reading how they come back, and the tokens (1). Pure; `client` calls."""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from libs.tiktok.readings import Reading, read_oauth
from libs.tiktok.wire import Int64, Secret, Wire

SCOPES = (
    "user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.publish", "video.upload",
)  # fmt: skip
"""The scopes used here (1)."""
REDIRECT_MAX = 511
LOCAL_HOSTS = ("localhost", "127.0.0.1")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


@dataclass(frozen=True, slots=True)
class App:
    """A TikTok app's own credentials."""

    client_key: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """The person agreed. `scopes` are those they left switched on, which may be fewer than were asked for."""

    code: str = field(repr=False)
    scopes: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The person, or TikTok, did not agree."""

    reading: Reading
    description: str
    state: str


class UserTokens(Wire):
    """Tokens of one account. The refresh token may differ from the one sent: store the pair together (1.2)."""

    access_token: Secret
    expires_in: Int64
    """Seconds from now; 24 hours."""
    open_id: str = Field(min_length=1)
    refresh_token: Secret
    refresh_expires_in: Int64
    """Seconds from now; a year from the first grant. Whether a refresh extends it is not documented."""
    scope: str
    """Comma-separated; see `scopes`."""

    @property
    def scopes(self) -> tuple[str, ...]:
        return _scopes(self.scope)


class ClientToken(Wire):
    """The app's own token, for products without a user."""

    access_token: Secret
    expires_in: Int64
    """Seconds from now; 2 hours."""


def challenge(verifier: str) -> str:
    """TikTok's PKCE challenge: the SHA-256 of the verifier in lowercase *hex*, not base64url (1.1, trap 19).

    Raises ValueError for a verifier that is not 43 to 128 characters of `[A-Za-z0-9-._~]`.
    """
    if not _VERIFIER.fullmatch(verifier):
        raise ValueError("a PKCE verifier has 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
    return hashlib.sha256(verifier.encode()).hexdigest()


def new_verifier() -> str:
    """A fresh PKCE verifier: 384 random bits."""
    return secrets.token_urlsafe(48)


def needs_pkce(redirect_uri: str) -> bool:
    """Whether TikTok takes this for a desktop app, which must send a challenge (1.1). Web apps send none."""
    return urlsplit(redirect_uri).hostname in LOCAL_HOSTS


def redirect_problem(uri: str) -> str | None:
    """Why TikTok cannot have this registered as a redirect URI (1.1), or None."""
    if len(uri) > REDIRECT_MAX:
        return f"A redirect URI has at most {REDIRECT_MAX} characters."
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        return "A redirect URI is printable ASCII."
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return "This is not a URL."
    if not parts.hostname or parts.username is not None or "?" in uri or "#" in uri:
        return "A redirect URI is absolute and has no user, no query and no fragment."
    if parts.hostname in LOCAL_HOSTS:
        if parts.scheme in ("http", "https") and port is not None:
            return None
        return "On this machine, a redirect URI is http or https and names its port."
    return None if parts.scheme == "https" else "A redirect URI is https."


def usable_base(url: str, path: str) -> str:
    """For settings: `url` without its last slash; raises ValueError unless TikTok could be told `url` + `path`."""
    if url and (problem := redirect_problem(url.rstrip("/") + path)) is not None:
        raise ValueError(f"TikTok could not be told {path} beneath it: {problem}")
    return url.rstrip("/")


def authorize_url(
    auth_url: str,
    *,
    client_key: str,
    redirect_uri: str,
    scopes: Sequence[str],
    state: str,
    code_challenge: str | None = None,
    always_ask: bool = False,
) -> str:
    """Where to send the browser. `redirect_uri` is a registered one, to the byte; `state` guards against forgery.

    `code_challenge` is `challenge(verifier)`, for desktop and mobile apps. `always_ask` shows the consent page even to
    someone who has consented before.
    """
    query = {
        "client_key": client_key,
        "response_type": "code",
        "scope": ",".join(scopes),
        "redirect_uri": redirect_uri,
        "state": state,
    }
    if code_challenge is not None:
        query |= {"code_challenge": code_challenge, "code_challenge_method": "S256"}
    if always_ask:
        query["disable_auto_auth"] = "1"
    return f"{auth_url.rstrip('/')}/v2/auth/authorize/?{urlencode(query)}"


def read_callback(query: Mapping[str, str]) -> Granted | Denied | None:
    """How the browser came back, from its query decoded once (a second decoding spoils the code). None for neither way.

    The caller must still compare `state` with the one it sent.
    """
    state = query.get("state", "")
    error = query.get("error")
    if error:
        return Denied(
            reading=read_oauth(error[:100]), description=query.get("error_description", "")[:500], state=state
        )
    code = query.get("code")
    return Granted(code=code, scopes=_scopes(query.get("scopes", "")), state=state) if code else None


def _scopes(text: str) -> tuple[str, ...]:
    return tuple(scope.strip() for scope in text.split(",") if scope.strip())
