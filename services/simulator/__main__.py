"""`python -m services.simulator`: TikTok on one port until SIGINT or SIGTERM."""

import asyncio
import signal
import sys

from libs.runtime import logs
from libs.runtime.settings import SettingsError, load
from libs.runtime.web import CannotListen
from services.simulator.app import build
from services.simulator.settings import SimulatorSettings


async def run(settings: SimulatorSettings) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with build(settings):
        await stop.wait()


def main() -> int:
    try:
        settings = load(SimulatorSettings)
    except SettingsError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    logs.configure(level=settings.log_level, format=settings.log_format)
    try:
        asyncio.run(run(settings))
    except CannotListen as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
