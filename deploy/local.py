"""Everything in one process: `make run`. Postgres embedded unless `DATABASE_URL` names one, RabbitMQ only if named.

Data, keys and logs live in `.clipwire`; running it again finds them. Settings come from the environment and `.env`;
TikTok is the simulator (`chosen.py`).
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.backing import find_postgres
from deploy.chosen import chosen
from deploy.errors import DeployError
from deploy.filelock import FileLock
from deploy.house import House, Places
from deploy.keepsake import Keepsake
from deploy.welcome import card_in, farewell, greet, remove_card
from libs.media.errors import StorageError
from libs.runtime import logs
from libs.runtime.program import run, until_signal
from libs.runtime.settings import SettingsError, environment
from libs.store.errors import StoreError
from libs.store.migrate import migrate

FOLDER = Path(".clipwire").absolute()
NOT_YET = "postgresql:///clipwire"
"""The database's address while settings are judged: the embedded one has its own once it runs."""


async def serve(environ: Mapping[str, str]) -> None:
    """Starts everything, prints how to use it, and stops everything at the first SIGINT or SIGTERM."""
    began = time.monotonic()
    async with AsyncExitStack() as parts:
        parts.enter_context(FileLock(FOLDER / "lock"))
        remove_card(FOLDER)
        keepsake = Keepsake.of(FOLDER)
        given = chosen(environ, keepsake)
        named = given.get("DATABASE_URL")
        places = Places(database_url=named or NOT_YET, folder=FOLDER, keepsake=keepsake, environ=given)
        places.check()
        backing = await asyncio.to_thread(find_postgres, database_url=named, directory=FOLDER / "postgres")
        parts.push_async_callback(asyncio.to_thread, backing.close)
        await migrate(backing.url)
        house = await parts.enter_async_context(House(replace(places, database_url=backing.url)))
        card = await house.furnish()
        parts.enter_context(card_in(FOLDER, card))
        print(greet(card, origin=backing.origin, seconds=time.monotonic() - began, now=datetime.now(UTC)), flush=True)
        await until_signal()
        print(farewell(FOLDER), flush=True)


def main() -> int:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with (FOLDER / "run.log").open("a", encoding="utf-8") as log:
        try:
            environ = environment()
            logs.configure(level=environ.get("LOG_LEVEL", "info"), format="json", stream=log)
            run(lambda: serve(environ))
        except (DeployError, SettingsError, StorageError, StoreError, OSError, ValueError) as error:
            print(f"run: {error}", file=sys.stderr)
            print(f"run: the log is {FOLDER / 'run.log'}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
