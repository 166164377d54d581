"""`.env.example` is the list of settings: every one of every program, with its default, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from libs.runtime.settings import Settings, load
from libs.store.vault import new_key
from services.api.settings import ApiSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from services.publisher.settings import PublisherSettings
from services.simulator.settings import SimulatorSettings

ROOT = Path(__file__).parents[2]
PROGRAMS = [ApiSettings, IngestSettings, NotifierSettings, PublisherSettings]
COMPOSE = {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "SIMULATOR_PORT"}
"""What docker-compose.yml alone reads."""
NEEDED = {
    "DATABASE_URL": "postgresql://x", "TIKTOK_CLIENT_KEY": "key", "TIKTOK_CLIENT_SECRET": "secret",
    "MEDIA_URL": "file:///tmp/x", "CLIPWIRE_ENCRYPTION_KEYS": new_key(),
}  # fmt: skip


def shown() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    names = [name for name, _, _ in pairs]
    assert len(names) == len(set(names))
    return {name: value for name, _, value in pairs}


def fields(program: type[Settings]) -> dict[str, Any]:
    return {name.upper(): field.default for name, field in program.model_fields.items()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_setting_of_a_program_is_shown_with_its_default(program: type[Settings]) -> None:
    read = load(program, NEEDED | {name: value for name, value in shown().items() if value})

    for name, default in fields(program).items():
        assert name in shown(), name
        if default is not PydanticUndefined and name not in NEEDED:
            assert getattr(read, name.lower()) == default, name
            assert shown()[name] or not default, f"{name} has a default, and it is not shown"


def test_nothing_is_shown_that_no_program_reads() -> None:
    assert set(shown()) - COMPOSE == {name for program in PROGRAMS for name in fields(program)}


def test_the_simulators_settings_are_on_its_page() -> None:
    page = (ROOT / "services/simulator/README.md").read_text()

    assert [name for name in fields(SimulatorSettings) if f"`{name}`" not in page] == []
