"""All of it, in an order in which what explains comes before what it explains."""

from collections.abc import AsyncIterator, Mapping, Sequence

from libs.runtime import logs
from libs.runtime.clock import Clock, SystemClock
from libs.runtime.settings import SettingsError, load
from services.cli.doctor.backing import broker, database
from services.cli.doctor.disk import disk
from services.cli.doctor.finding import Finding, broken
from services.cli.doctor.outside import public, running
from services.cli.doctor.settings import PROGRAMS, DeploymentSettings, judged
from services.cli.doctor.tiktok import tiktok

MACHINE = SystemClock()


def keep_quiet() -> None:
    """What the rooms would log while they are looked at is what the findings say."""
    logs.configure(level="critical")


async def examine(
    environ: Mapping[str, str] | None = None, *, clock: Clock = MACHINE, programs: Sequence[str] = PROGRAMS
) -> AsyncIterator[Finding]:
    """Every finding as soon as it is known. `environ` None: this process's, with `.env`. `programs` should run here."""
    async for finding in judged(environ, programs=programs):
        yield finding
    try:
        settings = load(DeploymentSettings, environ)
    except SettingsError as error:
        yield broken("settings", str(error), remedy="Correct what is named, and run the doctor again for the rest.")
        return
    async for finding in database(settings, clock=clock):
        yield finding
    yield await broker(settings)
    async for finding in tiktok(settings):
        yield finding
    async for finding in public(settings):
        yield finding
    yield await disk(settings)
    for finding in await running(settings, programs=programs):
        yield finding
