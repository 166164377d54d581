"""The settings of a deployment: judged by the programs themselves, and read here for the other looks."""

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence

from pydantic import Field, SecretStr

from libs.runtime.program import CHECK
from libs.runtime.settings import CommaList, ProgramSettings, SecretList
from services.cli.doctor.finding import Finding, broken, fine

PROGRAMS = ("api", "ingest", "publisher", "notifier")
PROGRAM_S = 60.0
"""How long a program may take to judge its settings; importing it is most of that."""


class DeploymentSettings(ProgramSettings):
    """What the looks need. Everything may be missing: that is for the programs' own judgement to say."""

    database_url: str | None = None
    rabbitmq_url: SecretStr | None = None
    rabbitmq_prefix: str = ""
    clipwire_encryption_keys: SecretList = ()
    tiktok_auth_url: str = "https://www.tiktok.com"
    tiktok_client_key: str = ""
    tiktok_client_secret: SecretList = ()
    tiktok_audited: bool = False
    tiktok_site_verification: CommaList = ()
    public_url: str = ""
    media_url: str | None = None
    media_max_bytes: int = 4 * 1024**3
    api_host: str = "127.0.0.1"
    api_port: int = Field(8080, ge=0, le=65535)
    ingest_host: str = "127.0.0.1"
    ingest_port: int = Field(8081, ge=0, le=65535)
    publisher_host: str = "127.0.0.1"
    publisher_port: int = Field(8084, ge=0, le=65535)
    notifier_host: str = "127.0.0.1"
    notifier_port: int = Field(8085, ge=0, le=65535)

    def address(self, program: str) -> tuple[str, int]:
        """Where a program of this machine listens."""
        return getattr(self, f"{program}_host"), getattr(self, f"{program}_port")


async def judged(
    environ: Mapping[str, str] | None = None, *, programs: Sequence[str] = PROGRAMS
) -> AsyncIterator[Finding]:
    """What each of them that is installed says of its settings; an image holds only its own."""
    for name in programs:
        if importlib.util.find_spec(f"services.{name}") is not None:
            yield await _judged(name, environ or os.environ)


async def _judged(program: str, environ: Mapping[str, str]) -> Finding:
    check = f"settings of {program}"
    asked = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{program}", CHECK,
        env=dict(environ), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PROGRAM_S):
            _, said = await asked.communicate()
    except TimeoutError:
        asked.kill()
        await asked.wait()
        return broken(check, f"it did not say within {PROGRAM_S:g} s", remedy="Run the doctor again when idle.")
    if asked.returncode == 0:
        return fine(check, "usable")
    lines = said.decode(errors="replace").strip().splitlines() or [f"it ended with {asked.returncode}"]
    remedy = "Correct what is named, in the environment or in .env; .env.example says what each is for."
    return broken(check, lines[-1].removeprefix(f"{program}: "), remedy=remedy)
