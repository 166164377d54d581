"""The README's first minute, typed by a script exactly as it is printed there and by `make run`."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest

from tests.eventually import eventually
from tests.found import Found

ROOT = Path(__file__).parents[2]
READY_S, STOPPED_S = 45.0, 10.0
"""The issue's ninety seconds are for a first start with its packages; here they are installed."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a clone holds, with the packages installed."""
    if shutil.which("curl") is None:
        pytest.skip("the quick start is typed with curl, which this machine does not have")
    if not (ROOT / ".venv" / ".ready-run").exists():
        pytest.skip("these packages were not installed by make: `make run` would install them anew")
    # Copied whole, as a person would: ports apart, it says what is the case anyway.
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(re.sub(r"^(\w+_PORT)=\d+$", r"\1=0", example, flags=re.MULTILINE))
    for name in ("Makefile", "README.md", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("requirements.lock", "requirements-dev.lock"):
        os.utime(tmp_path / name, (0, 0))  # older than the stamp, whichever checkout made that
    for name in ("libs", "services", "deploy"):
        # Compiled, as the packages are; but for what another process is just writing.
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    (tmp_path / ".venv").symlink_to((ROOT / ".venv").resolve())
    return tmp_path


@pytest.fixture
def start(checkout: Path, found: Found) -> Iterator["Start"]:
    """`make run` as the README's first block has it, with nothing in the environment but a path and a home."""
    [block] = re.findall(r"## Run it in a minute\n.*?```sh\n(.*?)```", (checkout / "README.md").read_text(), re.DOTALL)
    environ = {"PATH": os.environ["PATH"], "HOME": found.directory}
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(Terminal(block, folder=checkout, environ=environ)))


class Terminal:
    """A person's: one command runs in it, others are typed beside."""

    def __init__(self, command: str, *, folder: Path, environ: dict[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._card, self._postmaster = (
            folder / ".clipwire/local.json",
            folder / ".clipwire/postgres/data/postmaster.pid",
        )
        self._process = subprocess.Popen(
            ["sh", "-ec", command], cwd=folder, env=environ, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines: Queue[str] = Queue()
        self.seen: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, words: str) -> str:
        """All that was printed up to the line with these words."""
        while not (self.seen and words in self.seen[-1]):
            try:
                self.seen.append(self._lines.get(timeout=READY_S))
            except Empty:
                raise AssertionError("".join(self.seen)) from None
        return "".join(self.seen)

    def type(self, command: str) -> Any:
        """Another command, in a second window; what it answered."""
        done = subprocess.run(
            ["sh", "-ec", command], cwd=self._folder, env=self._environ, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def interrupt(self) -> int:
        """Ctrl-C: every process of the terminal hears it. The exit code."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(timeout=STOPPED_S)

    def card(self) -> dict[str, Any] | None:
        """`.clipwire/local.json`."""
        return json.loads(self._card.read_text()) if self._card.exists() else None

    def kill(self) -> None:
        """`kill -9` of everything, PostgreSQL too; over when the last process of the terminal has let go of it."""
        os.kill(int(self._postmaster.read_text().partition("\n")[0]), signal.SIGKILL)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=STOPPED_S)
        self._reader.join(timeout=STOPPED_S)
        assert not self._reader.is_alive()

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


def commands(printed: str) -> list[str]:
    """Every curl that was printed, with the lines it goes on over."""
    return re.findall(r"^ +(curl (?:.*\\\n)*.*)$", printed, re.MULTILINE)


def kept(terminal: Terminal, post: dict[str, Any]) -> str:
    """The state that this run knows the post in."""
    terminal.until("Ctrl-C stops everything")
    card = terminal.card()
    assert card is not None
    return str(
        terminal.type(f"curl {card['api']}/v1/posts/{post['id']} -H 'Authorization: Bearer {card['operator_key']}'")[
            "state"
        ]
    )


@pytest.mark.waits_long
@pytest.mark.timeout(4 * READY_S)
@pytest.mark.row("SS-25")
async def test_the_quick_start_publishes_and_the_next_ones_still_have_it_however_it_was_stopped(start: "Start") -> None:
    first = start()
    publish, look = commands(first.until("Ctrl-C stops everything"))

    post = first.type(publish)

    assert post["state"] in ("queued", "initializing")

    def published() -> dict[str, Any] | None:
        items = first.type(look)["items"]
        return next((item for item in items if item["type"] == "post.published"), None)

    heard = await eventually(published, timeout=30)
    assert heard is not None and heard["signature"] == "valid" and heard["json"]["data"]["post_id"] == post["id"]
    again = first.type(publish)
    assert (again["id"], again["state"]) == (post["id"], "published"), "the same curl is the same post"

    first.interrupt()

    assert "the data stays in" in first.until("Stopping ...")
    assert first.card() is None, "whoever waits for the next start's card would be led to this one's ports"
    second = start()
    assert kept(second, post) == "published"
    old = second.card()

    second.kill()

    assert second.card() == old, "nobody was left to take it away"
    third = start()
    assert kept(third, post) == "published"
    assert third.card() != old
    third.interrupt()


Start = Callable[[], Terminal]
