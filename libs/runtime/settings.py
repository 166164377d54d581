"""Settings from the environment and `.env`: one frozen model per program, one clear line when something is wrong."""

import os
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """The environment does not make a usable set of settings; the message names every bad one.

    `bad` is what is wrong with each, by name, where there are several to tell.
    """

    def __init__(self, message: str = "", *, bad: Mapping[str, str] | None = None) -> None:
        self.bad = dict(bad or {})
        super().__init__(message or f"bad settings: {'; '.join(f'{name}: {why}' for name, why in self.bad.items())}")


class Settings(BaseSettings):
    """Read from the environment (names in capitals), then `.env`; unknown names are somebody else's and ignored."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True
    )


def _named(text: str, *, schemes: Sequence[str], needs_host: bool = True) -> bool:
    """Whether this is a URL of a server: a port that is one, no letter that belongs into no URL."""
    if not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        port = None if "," in parts.netloc else parts.port  # PostgreSQL's may name several servers
    except ValueError:  # of the port, often the rest of a password with a slash; its text would repeat that
        return False
    split = "@" in parts.path  # by a slash in the password
    return parts.scheme in schemes and port != 0 and not split and (bool(parts.hostname) or not needs_host)


def _database_url(url: str) -> str:
    if not _named(url, schemes=("postgresql", "postgres"), needs_host=False):
        raise ValueError(f"not postgresql://user:password@host:port/database; {_ENCODED}")
    return url


def _rabbitmq_url(url: SecretStr) -> SecretStr:
    if not _named(url.get_secret_value(), schemes=("amqp", "amqps")):
        raise ValueError(f"not amqp://user:password@host:port/vhost, or amqps://; {_ENCODED}")
    return url


def _http_url(url: str) -> str:
    if not _named(url, schemes=("http", "https")) or "?" in url or "#" in url:
        raise ValueError("not an address like https://host or http://host:port")
    return url


_ENCODED = "in a password, letters like / @ : # ? are written %2F %40 %3A %23 %3F"
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
RabbitUrl = Annotated[SecretStr, AfterValidator(_rabbitmq_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


def on_this_machine(url: str) -> bool:
    """Whether a URL leads to loopback."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class ProgramSettings(Settings):
    """What every program of the pipeline has."""

    log_level: LogLevel = "info"
    log_format: Literal["console", "json"] = "json"
    tiktok_api_url: HttpUrl = "https://open.tiktokapis.com"
    clipwire_clock: str | None = None
    """Tests only: a simulator whose virtual clock is followed; refused unless `tiktok_api_url` is on this machine."""

    @field_validator("clipwire_clock")
    @classmethod
    def _only_beside_a_simulator(cls, clock: str | None, others: ValidationInfo) -> str | None:
        tiktok = others.data.get("tiktok_api_url")  # none where it is bad itself, which is told then
        if clock and not (on_this_machine(clock) and (tiktok is None or on_this_machine(tiktok))):
            raise ValueError("is for tests: it and TIKTOK_API_URL must be on this machine")
        return clock


def _comma_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_comma_list)]

S = TypeVar("S", bound=Settings)


def load(model: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Reads `model` from `environ` (the process's own, with `.env`, when None).

    Raises `SettingsError` whose one line names every bad setting, and no value that may be a secret.
    """
    try:
        if environ is None:
            return model()
        names = {name.lower(): value for name, value in environ.items() if value != ""}
        given: dict[str, Any] = {name: names[name] for name in model.model_fields if name in names}
        return model(_env_file=None, **given)
    except ValidationError as error:
        raise SettingsError(bad=_bad(error)) from None


def load_all(models: Sequence[type[Settings]], environ: Mapping[str, str]) -> None:
    """Judges `environ` for several programs at once: `SettingsError` names every one that is bad for any."""
    bad: dict[str, str] = {}
    for model in models:
        try:
            load(model, environ)
        except SettingsError as error:
            bad |= error.bad
    if bad:
        raise SettingsError(bad=bad)


def environment() -> dict[str, str]:
    """This process's environment over `.env`, as the programs read the two; what is empty is not set and left out."""
    written = {name.upper(): value for name, value in DotEnvSettingsSource(Settings).env_vars.items() if value}
    return written | {name: value for name, value in os.environ.items() if value}


def _bad(error: ValidationError) -> dict[str, str]:
    """Each bad setting once, with what is wrong; pydantic's own words where they are plain."""
    found: dict[str, str] = {}
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0]).upper() if each["loc"] else "settings"
        said = "required, and not set" if each["type"] == "missing" else each["msg"].removeprefix("Value error, ")
        found.setdefault(name, said.removeprefix(f"{name}: ").removeprefix(f"{name} "))
    return found


def summary(settings: Settings) -> dict[str, str]:
    """The settings for a start-up log line: secrets as set/unset, passwords in URLs masked."""
    return {name: _shown(value) for name, value in settings}


def _shown(value: object) -> str:
    if value is None or value in ("", ()):
        return "unset"
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else "unset"
    if isinstance(value, tuple):
        return f"set ({len(value)})" if all(isinstance(v, SecretStr) for v in value) else ",".join(map(str, value))
    return mask_url(str(value))


def mask_url(url: str) -> str:
    """The URL with its password, if any, replaced, wherever it stands."""
    scheme, sep, rest = url.partition("://")
    if not sep:
        return url
    userinfo, at, host = rest.rpartition("@")
    masked = f"{userinfo.split(':', 1)[0]}:***@{host}" if at else rest
    return scheme + sep + _SECRET_OPTION.sub(r"\g<1>***", masked)


_SECRET_OPTION = re.compile(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def reveal(secrets: Sequence[SecretStr]) -> list[str]:
    """The texts of secrets, for the room that uses them."""
    return [secret.get_secret_value() for secret in secrets]
