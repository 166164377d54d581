"""One environment serves `make run` and `make test`, so what is installed for tests must be what runs."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)(\[[^]]*\])?==(?P<version>\S+)(?P<marker>.*?)\\?$", re.MULTILINE)


def pins(lock: str) -> set[tuple[str, str]]:
    return {(found["name"], found["version"]) for found in _PIN.finditer((_ROOT / lock).read_text())}


def test_the_development_lock_holds_all_of_the_other_one_at_the_same_versions() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_every_locked_requirement_has_its_hashes() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (_ROOT / lock).read_text()
        entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

        assert len(entries) > 20
        assert all("--hash=sha256:" in entry for entry in entries)
