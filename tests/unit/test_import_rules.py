"""The arrows of the house are contracts: they hold, and they fail when somebody draws one the wrong way."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the code, free to be broken."""
    for name in ("libs", "services", "deploy", "bench"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


WRONG = [
    ("libs/model/post.py", "import libs.store.pool", "stand below every other room"),
    ("libs/store/pool.py", "import libs.broker.port", "are apart (media and rest may use egress)"),
    ("services/ingest/app.py", "import services.publisher.app", "Programs never import one another"),
    ("services/simulator/app.py", "import libs.tiktok.signature", "The simulator reads the fact sheet by itself"),
    ("libs/accounts/line.py", "import libs.egress", "accounts knows store, tiktok and model only"),
    ("services/api/app.py", "import asyncpg", "asyncpg belongs to the store"),
    ("libs/runtime/web.py", "import services.api.app", "Programs stand on rooms"),
    ("services/ingest/commit.py", "import rich", "typer and rich belong to the command line"),
    ("services/cli/desk.py", "import libs.store.store", "Commands go through the REST client"),
]


@pytest.mark.timeout(180)
def test_each_wrong_arrow_is_refused_by_its_contract(house: Path) -> None:
    for place, line, _ in WRONG:
        path = house / place
        path.write_text(f"{path.read_text()}\n\n{line}\n")

    broken = lint(house)

    assert broken.returncode != 0
    missed = [contract for _, _, contract in WRONG if f"{contract}" not in broken.stdout.split("Broken contracts")[-1]]
    assert missed == []
