"""What a campaign stands on: a folder, a durable Postgres, perhaps a RabbitMQ node, all private and all removed."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Self

from bench.campaign.errors import Missing
from deploy.errors import DeployError
from deploy.postgres import DISPOSABLE, EmbeddedPostgres
from deploy.rabbitmq import PrivateRabbit, RabbitProgram
from libs.store.migrate import migrate

DATABASE = "clipwire"


class Ground:
    """Servers between `__aenter__` and `__aexit__`. Commits are durable: this is where promises are judged."""

    def __init__(self, *, rabbit: RabbitProgram | None, disposable: bool = False) -> None:
        """`rabbit` is what the node is started from; None: the programs go without RabbitMQ. `disposable`: nobody
        strikes Postgres or the machine, so that a commit need not wait for the disk."""
        self._settings = {"synchronous_commit": "on", **(DISPOSABLE if disposable else {})}
        self.keep = False
        """Leave the folder, for its logs, when the campaign ends."""
        self._program = rabbit
        self.folder = Path()
        self.rabbit: PrivateRabbit | None = None

    @property
    def database_url(self) -> str:
        return self.postgres.url(DATABASE)

    @property
    def rabbitmq_url(self) -> str | None:
        return self.rabbit.url if self.rabbit is not None else None

    async def __aenter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="clipwire-prove-"))
        # Others may pass through: root's Postgres runs as somebody else.
        self.folder.chmod(0o711)
        for name in ("programs", "media"):
            (self.folder / name).mkdir(mode=0o700)
        self.postgres = EmbeddedPostgres(self.folder / "postgres", settings=self._settings)
        try:
            await asyncio.gather(self._start_postgres(), asyncio.to_thread(self._start_rabbit))
        except DeployError as error:
            await self.__aexit__(None, None, None)
            raise Missing(str(error)) from error
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def _start_postgres(self) -> None:
        await asyncio.to_thread(self.postgres.start)
        await asyncio.to_thread(self.postgres.ensure_database, DATABASE)
        await migrate(self.database_url)

    def _start_rabbit(self) -> None:
        if self._program is not None:
            self.rabbit = PrivateRabbit(self.folder / "rabbitmq", program=self._program)
            self.rabbit.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        if self.rabbit is not None:
            self.rabbit.kill()
        self.postgres.stop()
        if not self.keep:
            if self.rabbit is not None:
                self.rabbit.remove()
            self.postgres.remove()
            shutil.rmtree(self.folder)
