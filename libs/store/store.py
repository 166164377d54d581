"""The store: one pool and a class per table group."""

from collections.abc import Sequence
from datetime import datetime

from libs.store.accounts import Accounts, Budgets
from libs.store.apps import Apps, Groups
from libs.store.arrivals import Arrivals
from libs.store.attempts import Attempts
from libs.store.audit import Audit
from libs.store.caps import Caps
from libs.store.connects import Connects
from libs.store.consumers import Consumers
from libs.store.customers import Customers
from libs.store.deliveries import Deliveries
from libs.store.endpoints import Endpoints
from libs.store.events import Events
from libs.store.facts import Facts
from libs.store.idempotency import Idempotency
from libs.store.keys import Keys
from libs.store.lists import Lists
from libs.store.media import MediaFiles, Renditions
from libs.store.ordering import Ordering
from libs.store.partitions import Partitions
from libs.store.pool import Pool
from libs.store.posts import Posts
from libs.store.pulls import Pulls
from libs.store.replays import Replays
from libs.store.reseal import Resealer
from libs.store.sealing import Sealing
from libs.store.stats import Stats
from libs.store.vault import Vault


class Store:
    """Everything that is kept. `open` before use, `close` after; every method may raise the room's `StoreError`s."""

    def __init__(self, dsn: str, *, program: str, encryption_keys: Sequence[str], size: int = 10) -> None:
        self._pool = Pool(dsn, program=program, size=size)
        vault = Vault(encryption_keys)
        self.accounts = Accounts(self._pool, vault)
        self.apps = Apps(self._pool, vault)
        self.arrivals = Arrivals(self._pool, vault)
        self.attempts = Attempts(self._pool)
        self.audit = Audit(self._pool)
        self.budgets = Budgets(self._pool)
        self.caps = Caps(self._pool)
        self.connects = Connects(self._pool, vault)
        self.consumers = Consumers(self._pool)
        self.customers = Customers(self._pool)
        self.deliveries = Deliveries(self._pool)
        self.endpoints = Endpoints(self._pool, vault)
        self.events = Events(self._pool)
        self.facts = Facts(self._pool)
        self.groups = Groups(self._pool)
        self.idempotency = Idempotency(self._pool, vault)
        self.keys = Keys(self._pool)
        self.lists = Lists(self._pool)
        self.media = MediaFiles(self._pool)
        self.renditions = Renditions(self._pool)
        self.ordering = Ordering(self._pool)
        self.partitions = Partitions(self._pool)
        self.posts = Posts(self._pool, vault)
        self.replays = Replays(self._pool)
        self.pulls = Pulls(self._pool)
        self.stats = Stats(self._pool)
        self.sealing = Sealing(self._pool, vault, program=program)
        self.resealer = Resealer(self._pool, vault, self.sealing)

    async def open(self) -> None:
        """Connects, checks the schema and the encryption keys, makes today's partitions.

        Raises `Unavailable`, `SchemaMismatch`, or `WrongKey` when stored secrets need a key that is not given.
        """
        await self._pool.open()
        try:
            await self.sealing.enter()
            await self.partitions.ensure(now=await self._pool.now())
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self.sealing.leave()
        await self._pool.close()

    async def now(self) -> datetime:
        """The database's clock: the one that replicas agree on."""
        return await self._pool.now()

    async def check(self) -> str | None:
        """For readiness: None when Postgres answers."""
        await self._pool.fetchval("select 1")
        return None
