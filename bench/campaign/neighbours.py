"""A hundred endpoints of one notifier, their sink, and what is recorded for them."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import aiohttp

from bench.campaign.errors import CampaignError
from bench.campaign.ground import Ground
from bench.campaign.program import ROOT, Program
from bench.child import Child
from deploy.process import free_port
from libs import signing
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.event import Event, EventType, event
from libs.model.ids import first_id, new_id
from libs.model.sample import DATA
from libs.store.pool import Pool
from libs.store.store import Store
from libs.store.vault import new_key

BATCH = 2_000
LOOK_S = 0.02
TICK_S = 0.02
QUIET_S = 12.0
"""Longer than a request can hang and an endpoint be left in peace: then nothing of the last round is under way."""

_BURIED_EVENTS = """
insert into events (id, day, key, type, customer_id, occurred_at, body)
select $1 || lpad(n::text, 16, '0'), $2, $1 || n, 'webhook.test', $3, $4, $5 from generate_series(1, $6::int) n
"""
_BURIED = """
insert into deliveries (id, day, event_id, endpoint_id, customer_id, state, alarm, created_at)
select $1 || lpad(n::text, 16, '0'), $2, $3 || lpad(n::text, 16, '0'), $4, $5, 'pending', $6, $6
from generate_series(1, $7::int) n
"""


class Neighbours:
    """Each endpoint belongs to a customer of its own, so that one event is one delivery."""

    def __init__(self, store: Store, pool: Pool, sink: Child, owners: dict[str, str]) -> None:
        self._store = store
        self._pool = pool
        self._sink = sink
        self._owners = owners
        self._noise: Sequence[str] = ()
        self._n = 0

    @classmethod
    @asynccontextmanager
    async def gathered(
        cls, ground: Ground, sink: Child, http: aiohttp.ClientSession, *, url: str, count: int, timeout_s: float
    ) -> AsyncIterator["Neighbours"]:
        """With a notifier that is ready, until the end of the block."""
        key, port = new_key(), free_port()
        store = Store(ground.database_url, program="prove", encryption_keys=[key])
        pool = Pool(ground.database_url, program="prove", size=4)
        environ = {
            "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "warning",
            "LOG_FORMAT": "json", "DATABASE_URL": ground.database_url, "CLIPWIRE_ENCRYPTION_KEYS": key,
            "EGRESS_ALLOW": "127.0.0.0/8", "NOTIFIER_IDLE_S": "0.02", "NOTIFIER_PORT": str(port),
        }  # fmt: skip
        notifier = Program(
            "notifier", "services.notifier", environ=environ, url=f"http://127.0.0.1:{port}",
            folder=ground.folder / "programs",
        )  # fmt: skip
        try:
            await store.open()
            await pool.open()
            owners: dict[str, str] = {}
            for n in range(count + 1):
                # The last one is dead: nobody listens on the discard port.
                at = f"{url}/hooks/{n}" if n < count else "http://127.0.0.1:9/dead"
                owners |= await _endpoint(store, at, timeout_s=timeout_s)
            await notifier.start(http)
            yield cls(store, pool, sink, owners)
        finally:
            notifier.kill()
            await pool.close()
            await store.close()

    @property
    def endpoints(self) -> list[str]:
        """Those that live, in the order of their paths."""
        return list(self._owners)[:-1]

    async def hang(self, noise: Sequence[str]) -> None:
        """From now on these, and no others, take requests and do not answer."""
        paths = [f"/hooks/{self.endpoints.index(endpoint)}" for endpoint in noise]
        if self._noise:
            await asyncio.sleep(QUIET_S)
        self._noise = noise
        await self._sink.ask("hang", paths=paths)

    async def hung(self) -> int:
        return int((await self._sink.ask("count"))["hung"])

    async def fill(
        self, endpoints: Sequence[str], *, each: int, counted: Sequence[str], keep: str | None = None
    ) -> list[str]:
        """Forgets what was (but for the deliveries of `keep`), records so much for each and holds it back, fanned out;
        the ids of the events that are counted."""
        now = await self._store.now()
        for endpoint in self._owners:
            await self._store.endpoints.disable(endpoint, customer_id=None, reason="held back", now=now)
        if keep is None:
            await self._pool.execute("truncate deliveries, attempts, events, event_keys")
        else:
            await self._pool.execute("delete from deliveries where endpoint_id <> $1", keep)
        events = [(endpoint, self._event(endpoint, now)) for _ in range(each) for endpoint in endpoints]
        for first in range(0, len(events), BATCH):
            await self._store.events.record([one for _, one in events[first : first + BATCH]], now=now)
        await self._until("select not exists (select from events where fan_out_at is not null or relay_at is not null)")
        await self._pool.execute("vacuum (analyze) deliveries, events")
        await self._sink.ask("forget")
        chosen = set(counted)
        return [one.id for endpoint, one in events if endpoint in chosen]

    async def let_go(self, endpoints: Sequence[str]) -> None:
        now = await self._store.now()
        for endpoint in endpoints:
            await self._store.endpoints.enable(endpoint, customer_id=None, now=now)

    async def flow(self, endpoints: Sequence[str], *, rate: float, count: int) -> dict[str, tuple[str, float]]:
        """Records `count` events at that pace; (endpoint, Unix seconds of its record) of each."""
        recorded: dict[str, tuple[str, float]] = {}
        began = time.monotonic()
        while len(recorded) < count:
            due = min(count, int((time.monotonic() - began) * rate) + 1) - len(recorded)
            now = await self._store.now()
            made = [(endpoints[(len(recorded) + n) % len(endpoints)], n) for n in range(due)]
            events = [(endpoint, self._event(endpoint, now)) for endpoint, _ in made]
            if events:
                await self._store.events.record([one for _, one in events], now=now)
            recorded |= {one.id: (endpoint, now.timestamp()) for endpoint, one in events}
            await asyncio.sleep(TICK_S)
        return recorded

    async def arrived(self, ids: Sequence[str], *, within: float) -> dict[str, float]:
        """Unix seconds of the first byte of each, once all of them came."""
        deadline, wanted = time.monotonic() + within, set(ids)
        # What timed out comes twice: on a busy machine more may have come than is wanted, and not all of that.
        while (await self._sink.ask("count"))["count"] < len(wanted) or (
            (await self._sink.ask("told"))["distinct"] < len(wanted)
        ):
            if time.monotonic() > deadline:
                raise CampaignError(f"of {len(wanted)} deliveries not all came within {within:g} s")
            await asyncio.sleep(LOOK_S)
        came: dict[str, float] = {}
        for id_, at in (await self._sink.ask("arrivals"))["arrivals"]:
            came.setdefault(id_, at)
        if missing := wanted - came.keys():
            raise CampaignError(f"{len(missing)} deliveries are missing, {sorted(missing)[:3]} among them")
        return came

    async def bury(self, count: int) -> str:
        """Lets so many deliveries wait for the dead endpoint; its id."""
        dead, owner = list(self._owners.items())[-1]
        await self.fill([], each=0, counted=[])
        now = await self._store.now()
        body = self._event(dead, now).body
        for first in range(0, count, 100_000):
            size, salt = min(100_000, count - first), now + timedelta(milliseconds=first // 100_000)
            events, deliveries = first_id("evt", salt)[:-16], first_id("dlv", salt)[:-16]
            await self._pool.execute(_BURIED_EVENTS, events, now.date(), owner, now, body, size)
            await self._pool.execute(_BURIED, deliveries, now.date(), events, dead, owner, now, size)
        return dead

    async def count(self, table: str, endpoints: Sequence[str]) -> int:
        """How many attempts there are, or deliveries that wait."""
        more = " and state = 'pending'" if table == "deliveries" else ""
        statement = f"select count(*) from {table} where endpoint_id = any($1::text[]){more}"
        return int(await self._pool.fetchval(statement, list(endpoints)))

    def _event(self, endpoint: str, now: datetime) -> Event:
        self._n += 1
        return event(
            EventType.WEBHOOK_TEST, key=f"prove:{self._n}:{secrets.token_hex(4)}", now=now,
            data=DATA[EventType.WEBHOOK_TEST] | {"n": self._n}, customer_id=self._owners[endpoint],
        )  # fmt: skip

    async def _until(self, question: str) -> None:
        deadline = time.monotonic() + 120.0
        while not await self._pool.fetchval(question):
            if time.monotonic() > deadline:
                raise CampaignError("what was recorded is not fanned out")
            await asyncio.sleep(LOOK_S)


async def _endpoint(store: Store, url: str, *, timeout_s: float) -> dict[str, str]:
    now = await store.now()
    customer_id = (await store.customers.create(id_=new_id("cus", now), name="neighbour", now=now)).id
    secret = Secret(signing.new_secret().reveal())
    endpoint = Endpoint(
        new_id("end", now), customer_id, url, ("*",), EndpointState.ENABLED, (secret,), timeout_s=timeout_s
    )
    await store.endpoints.create(endpoint, now=now)
    return {endpoint.id: customer_id}
