"""Schemathesis over the whole OpenAPI document, with every check, against a running api.

`SCHEMATHESIS_EXAMPLES` is how many requests it makes up for each operation, `SCHEMATHESIS_SEED` which. It is a run of
its own, made by CI after the suite with more of them, and by `SCHEMATHESIS_PHASES` for the document's own examples, for
every boundary of every schema, and for calls that follow from one another (.ci/run).
"""

import asyncio
import os
import re
import sys
from pathlib import Path

import orjson
import pytest
from example_run import LAST, open_world, play

from tests.documented import document

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "1"))
SEED = int(os.environ.get("SCHEMATHESIS_SEED", "7"))
PHASES = os.environ.get("SCHEMATHESIS_PHASES", "fuzzing")
ST = [Path(sys.executable).parent / "st", "--config-file", HERE / "schemathesis.toml", "run"]


@pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" in os.environ,
    reason="a run of its own, as in .ci/run: make test ARGS=tests/flow/api/test_api_schemathesis.py",
)
@pytest.mark.timeout(900)
async def test_no_request_of_any_kind_is_answered_otherwise_than_the_document_says(
    database_url: str, tmp_path: Path
) -> None:
    async with open_world(database_url, tmp_path) as world:
        await play(world, but=LAST)  # so that there is something of everything, which the document's examples name
        told = tmp_path / "openapi.json"
        told.write_text(world.known.put(orjson.dumps(document()).decode()))
        options = ["--url", world.house.program.url, "--header", f"Authorization: Bearer {world.house.operator}",
                   "--checks", "all", "--phases", PHASES, "--max-examples", EXAMPLES, "--seed", SEED,
                   "--generation-database", "none", "--no-color"]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *[str(word) for word in [*ST, told, *options]],
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": f"{HERE}:{ROOT}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        alive = await world.house.get("/v1/capabilities")

    text = said.decode()
    print(text[-3000:])
    assert process.returncode == 0, text[-30_000:]
    tested = re.search(r"Tested: (\d+)", text)
    assert tested is not None
    assert int(tested[1]) == sum(len(methods) for methods in document()["paths"].values())
    assert alive.status_code == 200  # its key was not revoked meanwhile: else all would have been refused
