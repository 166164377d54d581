"""Settings from the environment and `.env`: one frozen model per program, one clear line when something is wrong."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """The environment does not make a usable set of settings; the message names every bad one."""


class Settings(BaseSettings):
    """Read from the environment (names in capitals), then `.env`; unknown names are somebody else's and ignored."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True
    )


class ProgramSettings(Settings):
    """What every program of the pipeline has."""

    log_level: str = "info"
    log_format: Literal["console", "json"] = "json"
    tiktok_api_url: str = "https://open.tiktokapis.com"
    clipwire_clock: str | None = None
    """Tests only: a simulator whose virtual clock is followed; refused unless `tiktok_api_url` is on this machine."""


def _comma_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_comma_list)]

S = TypeVar("S", bound=Settings)


def load(model: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Reads `model` from `environ` (the process's own, with `.env`, when None).

    Raises `SettingsError` whose one line names every bad setting, never a value: values may be secrets.
    """
    try:
        if environ is None:
            return model()
        names = {name.lower(): value for name, value in environ.items() if value != ""}
        given: dict[str, Any] = {name: names[name] for name in model.model_fields if name in names}
        return model(_env_file=None, **given)
    except ValidationError as error:
        bad = "; ".join(f"{str(e['loc'][0]).upper() if e['loc'] else 'settings'}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"bad settings: {bad}") from None


def summary(settings: Settings) -> dict[str, str]:
    """The settings for a start-up log line: secrets as set/unset, passwords in URLs masked."""
    return {name: _shown(value) for name, value in settings}


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else "unset"
    if isinstance(value, tuple) and value and all(isinstance(v, SecretStr) for v in value):
        return f"set ({len(value)})"
    return mask_url(str(value))


def mask_url(url: str) -> str:
    """The URL with its password, if any, replaced."""
    scheme, sep, rest = url.partition("://")
    userinfo, at, host = rest.rpartition("@")
    if not (sep and at):
        return url
    return f"{scheme}://{userinfo.split(':', 1)[0]}:***@{host}"


def reveal(secrets: Sequence[SecretStr]) -> list[str]:
    """The texts of secrets, for the room that uses them."""
    return [secret.get_secret_value() for secret in secrets]
