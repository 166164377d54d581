"""The house: every program built by its own `build`, over one set of parts, in one process."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.ask import ask
from deploy.chosen import LOOPBACK
from deploy.keepsake import Keepsake
from libs.broker.memory import MemoryBus
from libs.broker.open import open_broker
from libs.egress import USER_AGENT, Guard, GuardedClient, own_ports, parse_allow
from libs.media.storage import open_storage
from libs.media.workers import Workers
from libs.model.endpoint import Endpoint, EndpointState, Secret
from libs.model.ids import new_id
from libs.runtime.clock import SyncedClock, SystemClock
from libs.runtime.program import Program
from libs.runtime.settings import load, load_all
from libs.runtime.sync import read_once
from libs.signing import new_secret as new_signing_secret
from libs.store.accounts import Tokens
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from services.api import app as api
from services.api.settings import ApiSettings
from services.ingest import app as ingest
from services.ingest.settings import IngestSettings
from services.notifier import app as notifier
from services.notifier.settings import NotifierSettings
from services.publisher import app as publisher
from services.publisher.settings import PublisherSettings
from services.simulator import app as simulator
from services.simulator.settings import SimulatorSettings

CUSTOMER = "demo"
PROGRAMS = ("ingest", "notifier", "api", "publisher")
MODELS = (IngestSettings, NotifierSettings, ApiSettings, PublisherSettings, SimulatorSettings)


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on this machine."""

    database_url: str
    folder: Path
    keepsake: Keepsake
    environ: Mapping[str, str]

    def settings(self, simulator_url: str) -> dict[str, str]:
        """The environment of every program: this machine's own, with what it leaves open filled in."""
        keys = self.keepsake
        given = {
            "TIKTOK_API_URL": simulator_url,
            "TIKTOK_AUTH_URL": simulator_url,
            "TIKTOK_CLIENT_KEY": keys.tiktok_client_key,
            "TIKTOK_CLIENT_SECRET": keys.tiktok_client_secret,
            "CLIPWIRE_ENCRYPTION_KEYS": keys.encryption_key,
            "MEDIA_URL": (self.folder / "media").as_uri(),
            "EGRESS_ALLOW": LOOPBACK,
            "OPERATOR_KEY": keys.operator_key,
        }
        chosen = {name: value for name, value in self.environ.items() if value != ""}
        return given | chosen | {"DATABASE_URL": self.database_url}

    def check(self) -> None:
        """Raises `SettingsError` that names every bad setting of any program."""
        load_all(MODELS, self.settings("http://127.0.0.1:8090"))


def guard_of(environ: Mapping[str, str]) -> Guard:
    """The guard of this machine; the simulator's port is no port of ours to it, because it plays a customer too."""
    ports = [
        load(ApiSettings, environ).api_port,
        load(IngestSettings, environ).ingest_port,
        load(PublisherSettings, environ).publisher_port,
        load(NotifierSettings, environ).notifier_port,
    ]
    urls = [environ.get("DATABASE_URL"), environ.get("RABBITMQ_URL")]
    return Guard(allow=parse_allow(environ["EGRESS_ALLOW"]), own_ports=own_ports(urls=urls, ports=ports))


def _tokens(given: dict[str, Any], *, now: datetime) -> Tokens:
    return Tokens(
        access_token=given["access_token"],
        refresh_token=given["refresh_token"],
        access_expires_at=now + timedelta(seconds=given["expires_in"]),
        refresh_expires_at=now + timedelta(seconds=given["refresh_expires_in"]),
        scopes=tuple(given["scope"].split(",")),
    )


class House:
    """The programs and the simulator, between `__aenter__` and `__aexit__`; `urls`, `store` and `broker` are open then.

    `programs` are those that run in this process; what is left out may run beside it, with `environ` as its
    environment. A `clock` takes the place of time for the programs and the simulator alike. Without RabbitMQ, whoever
    brings the `bus` has queues of its own on it. The programs share `connections` to the database.
    """

    def __init__(
        self,
        places: Places,
        *,
        programs: Collection[str] = PROGRAMS,
        clock: SyncedClock | None = None,
        bus: MemoryBus | None = None,
        connections: int = 20,
    ) -> None:
        self._places = places
        self._bus = bus
        self._programs = programs
        self._parts = AsyncExitStack()
        self._time = clock
        self._connections = connections
        self.clock = clock or SyncedClock(SystemClock())
        self.urls: dict[str, str] = {}

    async def __aenter__(self) -> "House":
        try:
            await self._open()
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._parts.aclose()

    async def _open(self) -> None:
        places = self._places
        box = places.settings("") | {"SIMULATOR_SEED": str(places.keepsake.simulator_seed)}
        self._simulator = simulator.build(load(SimulatorSettings, box), clock=self._time)
        await self._parts.enter_async_context(self._simulator)
        self.urls["simulator"] = self._simulator.url
        self.environ = places.settings(self._simulator.url)
        await self._open_parts()
        await self._start_programs()
        if "ingest" in self.urls and not places.environ.get("WEBHOOK_URL"):
            # Only now: with port 0 nobody knows where ingest listens before it does.
            hook = {"webhook_url": f"{self.urls['ingest']}/webhooks/tiktok"}
            await ask("PATCH", self._simulator.url, "/_sim/settings", hook)

    async def _open_parts(self) -> None:
        parts, environ = self._parts, self.environ
        self.store = Store(
            environ["DATABASE_URL"],
            program="local",
            encryption_keys=environ["CLIPWIRE_ENCRYPTION_KEYS"].split(","),
            size=self._connections,
        )
        parts.push_async_callback(self.store.close)
        await self.store.open()
        await read_once(self.clock, self.store.now)
        self.broker = open_broker(
            environ.get("RABBITMQ_URL") or None,
            prefix=environ.get("RABBITMQ_PREFIX", ""),
            name="clipwire",
            bus=self._bus,
        )
        parts.push_async_callback(self.broker.close)
        await self.broker.start()
        self._storage = open_storage(environ["MEDIA_URL"])
        parts.push_async_callback(self._storage.close)
        self._egress = await parts.enter_async_context(GuardedClient(guard=guard_of(environ), user_agent=USER_AGENT))
        self._workers = await parts.enter_async_context(Workers())
        size = load(PublisherSettings, environ).media_converters
        self._converters = await parts.enter_async_context(Workers(size=size, wait_s=publisher.CONVERTER_WAIT_S))
        self._tiktok = await parts.enter_async_context(
            TikTokClient(api_url=environ["TIKTOK_API_URL"], auth_url=environ["TIKTOK_AUTH_URL"])
        )

    async def _start_programs(self) -> None:
        await api.ensure_operator_key(self.store, self.environ["OPERATOR_KEY"], self.clock.now())
        for name in self._programs:
            program = self._build(name)
            await program.start()
            self._parts.push_async_callback(program.stop)
            self.urls[name] = program.url
            if name == "api" and not self._places.environ.get("PUBLIC_URL"):
                # Only now: with port 0 nobody knows where the api listens before it does.
                self.environ["PUBLIC_URL"] = program.url

    def _build(self, name: str) -> Program:
        environ, store, broker, clock = self.environ, self.store, self.broker, self.clock
        match name:
            case "ingest":
                return ingest.build(load(IngestSettings, environ), store=store, broker=broker, clock=clock)
            case "notifier":
                return notifier.build(
                    load(NotifierSettings, environ), store=store, broker=broker, egress=self._egress, clock=clock
                )
            case "publisher":
                return publisher.build(
                    load(PublisherSettings, environ),
                    store=store,
                    broker=broker,
                    storage=self._storage,
                    egress=self._egress,
                    workers=self._workers,
                    converters=self._converters,
                    tiktok=self._tiktok,
                    clock=clock,
                )
            case "api":
                return api.build(
                    load(ApiSettings, environ),
                    store=store,
                    broker=broker,
                    storage=self._storage,
                    workers=self._workers,
                    egress=self._egress,
                    tiktok=self._tiktok,
                    clock=clock,
                )
            case _:
                raise ValueError(f"no program is called {name!r}")

    async def furnish(self) -> dict[str, Any]:
        """A customer, a simulated creator's account and an endpoint that ends in the simulator's customer; a card."""
        now = self.clock.now()
        customers = await self.store.customers.page(before=None, limit=200)
        customer = next((c for c in customers if c.name == CUSTOMER), None)
        if customer is None:
            customer = await self.store.customers.create(id_=new_id("cus", now), name=CUSTOMER, now=now)
        account_id = await self._account(customer.id)
        await self._endpoint(customer.id)
        return {
            "api": self.urls["api"],
            "ingest": self.urls["ingest"],
            "console": None,
            "mcp": None,
            "simulator": self.urls["simulator"],
            "operator_key": self.environ["OPERATOR_KEY"],
            "customer_id": customer.id,
            "account_id": account_id,
            "tiktok_client_key": self.environ["TIKTOK_CLIENT_KEY"],
            "tiktok_client_secret": self.environ["TIKTOK_CLIENT_SECRET"].split(",")[0],
            "rabbitmq_url": self.environ.get("RABBITMQ_URL") or None,
        }

    async def _account(self, customer_id: str) -> str:
        """The simulator forgets its creators when it stops; the same seed makes the same one again, so that the account
        keeps its id and starts a new grant."""
        given = await ask("POST", self._simulator.url, "/_sim/accounts", {"username": CUSTOMER})
        now = self.clock.now()
        account = await self.store.accounts.connect(
            id_=new_id("acc", now),
            customer_id=customer_id,
            client_key=given["client_key"],
            open_id=given["open_id"],
            username=CUSTOMER,
            display_name=given.get("display_name"),
            tokens=_tokens(given, now=now),
            now=now,
        )
        return account.id

    async def _endpoint(self, customer_id: str) -> None:
        url = f"{self._simulator.url}/_sim/customer/{CUSTOMER}"
        known = await self.store.endpoints.page(customer_id=customer_id, before=None, limit=200)
        endpoint = next((e for e in known if e.url == url), None)
        if endpoint is None:
            now = self.clock.now()
            endpoint = await self.store.endpoints.create(
                Endpoint(
                    id=new_id("end", now),
                    customer_id=customer_id,
                    url=url,
                    events=("*",),
                    state=EndpointState.ENABLED,
                    secrets=(Secret(new_signing_secret().reveal()),),
                    description="the simulator's scripted customer",
                ),
                now=now,
            )
        await ask("PUT", self._simulator.url, f"/_sim/customer/{CUSTOMER}", {"secret": endpoint.secrets[0].text})
