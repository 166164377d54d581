"""How the api is put together. Pure wiring."""

import time
from datetime import datetime
from functools import partial

import structlog

from libs.broker.check import broker_check
from libs.broker.port import Broker
from libs.media.port import MediaStorage
from libs.media.workers import Workers
from libs.model.ids import new_id
from libs.model.key import digest, everything
from libs.runtime.clock import SyncedClock
from libs.runtime.metrics import Metrics
from libs.runtime.program import Program
from libs.runtime.sync import clock_check, keep_in_step
from libs.runtime.web import HttpServer, make_app
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from services.api.audit import Auditor
from services.api.body import BODY_MAX
from services.api.call import Desk, UrlCheck
from services.api.callback import Callback
from services.api.contracts import add_contracts
from services.api.dialects import ROUTES as DIALECTS
from services.api.door import Door
from services.api.openapi.serve import Document
from services.api.problem import problems
from services.api.rate import Rates
from services.api.resource import ROUTES, endpoints
from services.api.resource.pulls import add_pull_routes
from services.api.resource.pushes import add_push_route
from services.api.route import Gate, add_routes
from services.api.settings import CALLBACK, RECONNECT, ApiSettings
from services.api.tiktok import TikTok
from services.api.upkeep import LastUsed, forget_old, keep_partitions

log = structlog.get_logger()


def build(
    settings: ApiSettings,
    *,
    store: Store,
    broker: Broker,
    storage: MediaStorage,
    egress: UrlCheck,
    workers: Workers,
    tiktok: TikTokClient,
    clock: SyncedClock,
) -> Program:
    """The api over open parts; whoever opened them closes them after `stop`. `egress` is a `GuardedClient`."""
    metrics, used = Metrics("api"), LastUsed(store.keys, now=clock.now)
    checks = {"store": store.check, "clock": clock_check(clock), "broker": broker_check(broker)}
    app = make_app("api", checks=checks, client_max_size=BODY_MAX, metrics=metrics, middlewares=(problems(metrics),))
    server = HttpServer(app, host=settings.api_host, port=settings.api_port, settings="API")
    line = TikTok.of(settings, store=store, client=tiktok, server=server, clock=clock)
    desk = Desk(
        settings, store, broker, storage, workers, egress, clock, line, lambda: settings.public_url or server.url
    )
    add_contracts(app)
    rates = Rates(
        customers=settings.api_rate_per_minute, operators=settings.api_operator_rate_per_minute, clock=time.monotonic
    )
    auditor = Auditor(store.audit, clock)
    add_routes(app, (*ROUTES, *DIALECTS), desk=desk, gate=Gate(Door(store.keys, used=used), rates, auditor))
    callback = Callback(line, broker, auditor, clock)
    app.router.add_get(CALLBACK, callback.show, allow_head=False)  # HEAD uses no link up
    app.router.add_get(RECONNECT, callback.reopen, allow_head=False)
    app.router.add_get(endpoints.PUBLIC_KEYS_PATH, partial(endpoints.published_keys, desk))
    add_pull_routes(app, desk)
    add_push_route(app, desk)
    Document(ROUTES).add_to(app)
    return Program(
        "api",
        server=server,
        workers=[
            keep_in_step(clock, store.now),
            keep_partitions(store, now=clock.now),
            forget_old(store, now=clock.now, audit_days=settings.audit_days),
            used.worker(),
        ],
    )


async def ensure_operator_key(store: Store, secret: str, now: datetime) -> bool:
    """Makes `secret` an operator key with every grant unless it is a key already; True when it is new.

    Safe from several programs at once. A key that was revoked or narrowed stays so.
    """
    id_ = new_id("key", now)
    made = await store.keys.ensure(
        id_=id_, customer_id=None, name="operator", hash_=digest(secret), grants=everything(), now=now
    )
    if made:
        log.info("operator_key.made", key_id=id_)
    return made
