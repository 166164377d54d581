"""How the simulator is put together: `build` wires, `Simulator` starts and stops."""

import asyncio
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog
from aiohttp import web

from libs.runtime.clock import Clock, SystemClock
from libs.runtime.web import HttpServer, make_app
from libs.runtime.workers import Worker, supervise
from services.simulator.clock import VirtualClock
from services.simulator.customer.inbox import Customers
from services.simulator.customer.routes import CustomerRoutes
from services.simulator.engine.check import Prober
from services.simulator.engine.dials import Dials
from services.simulator.engine.jobs import Jobs
from services.simulator.engine.keeper import Keeper
from services.simulator.engine.pull import Puller
from services.simulator.engine.sample import Samples
from services.simulator.engine.spool import Spool
from services.simulator.engine.stage import Stage
from services.simulator.engine.webhook import Webhooks
from services.simulator.fault.book import FaultBook
from services.simulator.log import CallLog
from services.simulator.script.account import Accounts
from services.simulator.script.authorize import Authorize
from services.simulator.script.control import Control
from services.simulator.script.files import Files
from services.simulator.script.inspect import Inspect
from services.simulator.script.portal import Portal
from services.simulator.script.shape import errors
from services.simulator.settings import SimulatorSettings
from services.simulator.wire import oauth as oauth_wire
from services.simulator.wire.consent import Consent
from services.simulator.wire.display import Display
from services.simulator.wire.gate import Endpoint, Gate, unsupported
from services.simulator.wire.held import Held
from services.simulator.wire.link import Links
from services.simulator.wire.posting import Posting
from services.simulator.wire.progress import Progress
from services.simulator.wire.upload import Uploads
from services.simulator.world.agenda import Agenda
from services.simulator.world.ids import Ids
from services.simulator.world.record import Client
from services.simulator.world.world import Bounds, World

log = structlog.get_logger()

BODY_MAX = 4 << 20


class Simulator:
    """TikTok and a customer on one address. `async with` it, or `start` and `stop`; `url` is true once started."""

    def __init__(self, settings: SimulatorSettings, *, clock: Clock) -> None:
        self._settings = settings
        start = datetime.fromisoformat(settings.simulator_clock) if settings.simulator_clock else None
        if start is not None and start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        self.clock = VirtualClock(clock, start=start)
        self.dials = Dials(settings.simulator_knobs)
        self.world = World(
            Ids(settings.simulator_seed), Bounds(settings.simulator_accounts, settings.simulator_history)
        )
        self.faults = FaultBook(self.world.ids.dice)
        self.calls = CallLog(settings.simulator_history)
        self.customers = Customers(settings.simulator_history)
        self._agenda = Agenda()
        self._jobs = Jobs()
        self._spool = Spool(
            settings.simulator_dir,
            file_bytes=settings.simulator_keep_file_bytes,
            total_bytes=settings.simulator_keep_total_bytes,
        )
        self._prober = Prober(self._spool)
        self._puller = Puller(self._spool, self.dials)
        self.webhooks = Webhooks(
            self.world,
            self.clock,
            self._agenda,
            self.dials,
            self.faults,
            self._jobs,
            history=settings.simulator_history,
        )
        self.stage = Stage(
            self.world,
            self.clock,
            self._agenda,
            self.dials,
            faults=self.faults,
            webhooks=self.webhooks,
            spool=self._spool,
            prober=self._prober,
            puller=self._puller,
            jobs=self._jobs,
        )
        self.held = Held()
        self.gate = Gate(
            self.world,
            self.clock,
            self.dials,
            self.stage,
            faults=self.faults,
            webhooks=self.webhooks,
            calls=self.calls,
            held=self.held,
        )
        self._keeper = Keeper(self.stage, self._agenda, self.clock)
        self._add_first_app()
        self._server = HttpServer(
            self._app(),
            host=settings.simulator_host,
            port=settings.simulator_port,
            settings="SIMULATOR",
            shutdown_s=2.0,
        )
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self._settings.simulator_public_url.rstrip("/") or self._server.url

    def health(self) -> dict[str, Any]:
        """What must stay at zero, and what is still moving."""
        return {
            "unscripted_errors": self.gate.unscripted_errors,
            "job_failures": self._jobs.failures,
            "jobs": len(self._jobs),
            "kept_bytes": self._spool.kept_bytes,
        }

    def _add_first_app(self) -> None:
        settings = self._settings
        self.world.clients.add(
            settings.tiktok_client_key,
            Client(
                settings.tiktok_client_key,
                tuple(secret.get_secret_value() for secret in settings.tiktok_client_secret),
                webhook_url=settings.webhook_url,
                redirect_uris=settings.simulator_redirect_uris,
                verified_urls=settings.simulator_verified_urls,
                audited=self.dials.now.audited,
            ),
        )

    def _app(self) -> web.Application:
        app = make_app("simulator", client_max_size=BODY_MAX, middlewares=(errors,))
        links = Links(lambda: self.url)
        key = self._settings.tiktok_client_key
        self.gate.mount(app, oauth_wire.endpoints(self.stage))
        self.gate.mount(app, Display(links).endpoints())
        self.gate.mount(app, Posting(self.stage, self._spool, links).endpoints())
        self.gate.mount(app, Progress(self.stage).endpoints())
        self.gate.mount(app, Consent().endpoints())
        self.gate.mount(app, [Endpoint("unsupported", "*", "/v2/{tail:.*}", unsupported)])
        CustomerRoutes(self.customers, self.clock, self.held).mount(app)
        Authorize(self.world, self.clock, self.dials).mount(app)
        Portal(self.world).mount(app)
        Accounts(self.world, self.clock, self.dials, self.stage, client_key=key).mount(app)
        Control(
            self.world, self.clock, self.dials, self.faults, self.held, settle=self.stage.settle, reset=self.reset
        ).mount(app)
        Inspect(
            self.world,
            self.clock,
            self.stage,
            webhooks=self.webhooks,
            calls=self.calls,
            faults=self.faults,
            client_key=key,
            health=self.health,
        ).mount(app)
        Files(self.world, self.clock, Samples(self._spool)).mount(app)
        # Last, because it answers every PUT that nothing above knows.
        self.gate.mount(app, Uploads(self.stage, self._spool, self.dials).endpoints())
        return app

    async def reset(self) -> None:
        """Forgets accounts, posts, webhooks, calls, faults and customers; knobs return to the start, time does not."""
        await self._jobs.cancel_all()
        self._agenda.clear()
        self.world.clear()
        self.faults.clear()
        self.webhooks.clear()
        self.calls.clear()
        self.customers.clear()
        self._spool.clear()
        self.dials.restore()
        next(iter(self.world.clients)).audited = self.dials.now.audited

    async def start(self) -> None:
        self._spool.open()
        await self.webhooks.start()
        await self._puller.start()
        await self._server.start()
        keeper = Worker("keeper", self._keeper.run)
        self._running = asyncio.create_task(supervise([keeper], stop=self._stop, drain_s=1.0), name="simulator")
        log.info("simulator.started", url=self.url)

    async def stop(self) -> None:
        """Ends what hangs, closes every connection and file, however far `start` came."""
        self.gate.closing.set()
        self.held.close()
        self._stop.set()
        await self._server.stop()
        if self._running is not None:
            await self._running
        await self._jobs.cancel_all()
        await self.webhooks.stop()
        await self._puller.stop()
        await self._prober.close()
        self._spool.close()

    async def __aenter__(self) -> "Simulator":
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def build(settings: SimulatorSettings, *, clock: Clock | None = None) -> Simulator:
    """A simulator that is not yet listening. `clock` None: the machine's."""
    return Simulator(settings, clock=clock or SystemClock())
