"""How the notifier is put together. Pure wiring."""

import asyncio
from datetime import timedelta

import structlog

from libs.broker.check import broker_check
from libs.broker.port import Broker
from libs.egress import GuardedClient
from libs.runtime.clock import SyncedClock
from libs.runtime.program import Program
from libs.runtime.sync import clock_check, keep_in_step
from libs.runtime.web import HttpServer, make_app
from libs.runtime.workers import Worker, wait_for_stop
from libs.store.errors import Contended, Unavailable
from libs.store.store import Store
from services.notifier.dispatch import Dispatch
from services.notifier.fanout import FanOut
from services.notifier.ordering import Turns
from services.notifier.relay import Relay
from services.notifier.replay import Replayer
from services.notifier.settings import NotifierSettings
from services.notifier.settle import Settlements

log = structlog.get_logger()

SWEEP_EVERY_S = 300.0
END_BATCH = 5000
"""Deliveries to deleted endpoints that one statement ends."""


def build(
    settings: NotifierSettings, *, store: Store, broker: Broker, egress: GuardedClient, clock: SyncedClock
) -> Program:
    """The notifier over open parts; whoever opened them closes them after `stop`."""
    now, idle_s = clock.now, settings.notifier_idle_s
    wake = asyncio.Event()
    turns = Turns(store, broker, wake, now=now, idle_s=idle_s)
    settlements = Settlements(store, now=now, after=turns.settled)
    dispatch = Dispatch(
        store,
        egress,
        settlements,
        wake,
        now=now,
        concurrency=settings.notifier_concurrency,
        endpoint_concurrency=settings.notifier_endpoint_concurrency,
        lease=timedelta(seconds=settings.notifier_lease_s),
        idle_s=idle_s,
    )
    checks = {"store": store.check, "clock": clock_check(clock), "broker": broker_check(broker)}
    app = make_app("notifier", checks=checks)
    return Program(
        "notifier",
        server=HttpServer(app, host=settings.notifier_host, port=settings.notifier_port, settings="NOTIFIER"),
        workers=[
            keep_in_step(clock, store.now),
            Worker("fan_out", FanOut(store, broker, wake, now=now, idle_s=idle_s).run),
            Worker("dispatch", lambda stop: _dispatch(dispatch, settlements, stop)),
            Worker("relay", Relay(store, broker, now=now, idle_s=idle_s).run),
            Worker("turns", turns.run),
            Worker("replay", Replayer(store, broker, wake, now=now, idle_s=idle_s).run),
            Worker("sweeper", lambda stop: _sweep(store, clock, stop)),
        ],
    )


async def _dispatch(dispatch: Dispatch, settlements: Settlements, stop: asyncio.Event) -> None:
    """Settling ends after dispatching, also when that fails: what went out is saved."""
    sent = asyncio.Event()
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        group.create_task(settlements.run(sent))
        try:
            await dispatch.run(stop)
        except Exception as error:
            failure = error
        finally:
            sent.set()
    if failure is not None:
        raise failure


async def _sweep(store: Store, clock: SyncedClock, stop: asyncio.Event) -> None:
    while not await wait_for_stop(stop, SWEEP_EVERY_S):
        try:
            repaired = await store.deliveries.sweep_lanes(now=clock.now())
            if repaired:
                log.error("lanes.repaired", kind="endpoint", count=repaired)
            while await store.deliveries.end_deleted(now=clock.now(), limit=END_BATCH) == END_BATCH:
                if stop.is_set():
                    return
            await store.partitions.ensure(now=clock.now())
        except (Unavailable, Contended) as error:
            log.warning("sweep.unfinished", why=f"{type(error).__name__}: {error}")  # the next one does it all
