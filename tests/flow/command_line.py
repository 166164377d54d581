"""The command line as a test uses it: typed, heard, and suspected of showing secrets."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from typer.testing import CliRunner

from services.cli.app import app


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class CommandLine:
    """`clipwire`, in this process. Nothing it says may hold one of `secrets`."""

    url: str
    key: str
    config: Path
    secrets: set[str] = field(default_factory=set)

    async def __call__(self, *args: str, code: int = 0, typed: str | None = None, **environ: str | None) -> Said:
        """Runs it in a thread, because the server it speaks to lives on this loop."""
        said = await asyncio.to_thread(self._run, args, typed, environ)
        assert said.code == code, (args, said)
        shown = [secret for secret in self.secrets | {self.key} if secret in said.out + said.err]
        assert not shown, (args, "a secret was shown")
        return said

    def _run(self, args: tuple[str, ...], typed: str | None, environ: dict[str, str | None]) -> Said:
        env = {"CLIPWIRE_URL": self.url, "CLIPWIRE_KEY": self.key, "CLIPWIRE_CONFIG": str(self.config),
               "COLUMNS": "80", "NO_COLOR": "1", "CLIPWIRE_SIMULATOR": None} | environ  # fmt: skip
        result = CliRunner().invoke(app, list(args), input=typed, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """The programs beside it share this process, and would speak into its output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.reset_defaults()
