"""What the simulator is started with. Everything TikTok leaves open is a knob (`knobs.py`)."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from libs.runtime.settings import CommaList, LogLevel, SecretList, Settings
from services.simulator.knobs import Knobs, parse_knobs


def _knobs(value: object) -> object:
    return Knobs().changed(parse_knobs(value)) if isinstance(value, str) else value


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text or "2026-01-01")
    except ValueError:
        raise ValueError("not a time like 2026-11-29T09:00:00Z") from None
    return text


class SimulatorSettings(Settings):
    """Names are the environment's in lower case: `SIMULATOR_PORT`, `TIKTOK_CLIENT_KEY`, …"""

    simulator_host: str = "127.0.0.1"
    simulator_port: Annotated[int, Field(ge=0, le=65535)] = 8090
    simulator_public_url: str = Field("", description="how clients reach it (upload_url, covers); empty: host and port")
    simulator_seed: int = Field(1, description="for tokens, jitter and ids: the same seed, the same run")
    simulator_dir: Path | None = Field(None, description="where published bytes are kept; none: a temporary folder")
    simulator_keep_file_bytes: Annotated[int, Field(ge=0)] = Field(
        256 << 20, description="bigger uploads are hashed and counted, not kept, and so not probed"
    )
    simulator_keep_total_bytes: Annotated[int, Field(ge=0)] = Field(
        2 << 30, description="the oldest finished files make room above this"
    )
    simulator_accounts: Annotated[int, Field(ge=1, le=100_000)] = Field(10_000, description="most creators held")
    simulator_history: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        20_000, description="most publications, webhooks and calls held, each; the oldest finished ones go first"
    )
    simulator_clock: Annotated[str, AfterValidator(_moment)] = Field(
        "", description="start time (ISO 8601); empty: now"
    )
    simulator_knobs: Annotated[Knobs, NoDecode, BeforeValidator(_knobs)] = Knobs()
    tiktok_client_key: str = "awsimkey01"
    tiktok_client_secret: SecretList = Field(default=("sim_client_secret",), validate_default=True)
    webhook_url: str = Field("", description="the app's callback URL; empty: events are made and not sent")
    simulator_redirect_uris: CommaList = Field(
        default=(), description="registered redirect URIs; none: every URI of a legal shape is taken"
    )
    simulator_verified_urls: CommaList = Field(default=(), description="domains and https:// prefixes open to pulls")
    log_level: LogLevel = "info"
    log_format: Literal["console", "json"] = "console"
