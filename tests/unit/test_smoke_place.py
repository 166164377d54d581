"""`make smoke` looks at the deployment of this folder, and says what to do where there is none."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.smoke.place import Nowhere, find

ROOT = Path(__file__).parents[2]


def test_where_nothing_runs_it_says_what_to_do(tmp_path: Path) -> None:
    card = tmp_path / "local.json"
    with socket.socket() as held:  # bound and never listened on: nobody answers
        held.bind(("127.0.0.1", 0))
        left = json.dumps({"api": f"http://127.0.0.1:{held.getsockname()[1]}"})
        for content, said in [(None, "there is no"), (left, "does not answer"), ("[]", "no card"), ("{", "no card")]:
            if content is not None:
                card.write_text(content)
            with pytest.raises(Nowhere, match=f"{said}.* Start one with `make run`"):
                find(str(card))


def test_the_card_of_this_folder_is_meant_unless_another_is_named() -> None:
    def says(*given: str) -> str:
        command = ["make", "-n", "smoke", *given]
        path = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            command, cwd=ROOT, env=path, capture_output=True, text=True, check=True, timeout=20
        ).stdout

    assert "SMOKE_CARD=.clipwire/local.json " in says()
    assert "SMOKE_CARD=elsewhere.json " in says("SMOKE_CARD=elsewhere.json")
