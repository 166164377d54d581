"""Everything in one process: `make run`. Postgres embedded unless `DATABASE_URL` names one, RabbitMQ only if named.

Data, keys and logs live in `.clipwire`; running it again finds them. TikTok is the simulator unless `TIKTOK_API_URL`
says otherwise.
"""

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from deploy.backing import find_postgres
from deploy.errors import DeployError
from deploy.house import House, Places
from deploy.keepsake import Keepsake
from deploy.welcome import farewell, greet, write_card
from libs.runtime import logs
from libs.runtime.program import run, until_signal
from libs.runtime.settings import SettingsError
from libs.store.errors import StoreError
from libs.store.migrate import migrate

FOLDER = Path(".clipwire").absolute()


async def serve() -> None:
    """Starts everything, prints how to use it, and stops everything at the first SIGINT or SIGTERM."""
    began = time.monotonic()
    keepsake = Keepsake.of(FOLDER)
    async with AsyncExitStack() as parts:
        backing = await asyncio.to_thread(
            find_postgres, database_url=os.environ.get("DATABASE_URL") or None, directory=FOLDER / "postgres"
        )
        parts.push_async_callback(asyncio.to_thread, backing.close)
        await migrate(backing.url)
        places = Places(database_url=backing.url, folder=FOLDER, keepsake=keepsake, environ=dict(os.environ))
        house = await parts.enter_async_context(House(places))
        card = await house.furnish()
        write_card(FOLDER / "local.json", card)
        print(greet(card, origin=backing.origin, seconds=time.monotonic() - began, now=datetime.now(UTC)), flush=True)
        await until_signal()
        print(farewell(FOLDER), flush=True)


def main() -> int:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with (FOLDER / "run.log").open("a", encoding="utf-8") as log:
        logs.configure(level=os.environ.get("LOG_LEVEL", "info"), format="json", stream=log)
        try:
            run(serve)
        except (DeployError, SettingsError, StoreError, OSError, ValueError) as error:
            print(f"run: {error}", file=sys.stderr)
            print(f"run: the log is {FOLDER / 'run.log'}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
