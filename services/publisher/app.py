"""How the publisher is put together. Pure wiring."""

from collections.abc import Callable
from datetime import datetime, timedelta

from libs.accounts.apps import AppBook, OperatorApp
from libs.accounts.budget import Budget
from libs.accounts.limit import read_limits
from libs.accounts.line import Line
from libs.accounts.token import TokenKeeper
from libs.broker.check import broker_check
from libs.broker.port import Broker
from libs.egress import GuardedClient
from libs.media.judge import judging
from libs.media.port import MediaStorage
from libs.media.workers import Workers
from libs.runtime.clock import SyncedClock
from libs.runtime.metrics import Metrics
from libs.runtime.program import Program
from libs.runtime.settings import reveal
from libs.runtime.sync import clock_check, keep_in_step
from libs.runtime.web import HttpServer, make_app
from libs.runtime.workers import Worker
from libs.store.media import Quota
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from services.publisher.ageing import Ageing
from services.publisher.arrivals import Receiver
from services.publisher.begin import Beginner
from services.publisher.claims import Claims
from services.publisher.count import Counter
from services.publisher.drive import Drive
from services.publisher.facts import Settler
from services.publisher.fetch import Fetcher
from services.publisher.hearsay import Hearsay
from services.publisher.jobs import Jobs
from services.publisher.prepare import Preparer
from services.publisher.pull import Puller
from services.publisher.ready import Readier
from services.publisher.reseal import Reseal
from services.publisher.settings import PublisherSettings
from services.publisher.sighting import Sighter
from services.publisher.status import Looker
from services.publisher.upkeep import Refresher, Sweeper
from services.publisher.upload import Uploader

CHUNK_MARGIN = timedelta(seconds=30)
CONVERTER_WAIT_S = 1.0
"""A post that finds every converter taken is put back rather than kept waiting in the hand."""


def build(
    settings: PublisherSettings,
    *,
    store: Store,
    broker: Broker,
    storage: MediaStorage,
    egress: GuardedClient,
    workers: Workers,
    converters: Workers,
    tiktok: TikTokClient,
    clock: SyncedClock,
) -> Program:
    """The publisher over open parts; whoever opened them closes them after `stop`."""
    now = clock.now
    app_secrets = tuple(reveal(settings.tiktok_client_secret))
    tokens = TokenKeeper(store, tiktok, AppBook(store, OperatorApp(settings.tiktok_client_key, app_secrets)))
    budget = Budget(store, per_minute=read_limits(settings.tiktok_per_minute))
    line = Line(tokens, budget, now)
    fetcher = Fetcher(store, storage, egress, workers, max_bytes=settings.media_max_bytes)
    preparer = _preparer(settings, store, storage, fetcher, workers, converters, now)
    quota = Quota(settings.media_quota_bytes, settings.media_quota_files)
    receiver = Receiver(store, broker, storage, fetcher, quota=quota, now=now, idle_s=settings.publisher_idle_s)
    drive = _drive(settings, store, storage, preparer, tiktok, line, budget, now)
    claims = Claims(
        store,
        broker,
        drive,
        budget,
        now=now,
        concurrency=settings.publisher_concurrency,
        lease=timedelta(seconds=settings.publisher_lease_s),
        idle_s=settings.publisher_idle_s,
    )
    settler = Settler(store, broker, Hearsay(store, now=now), now=now, idle_s=settings.publisher_idle_s)
    jobs = Jobs(store, broker, now=now, audited=settings.tiktok_audited, judge=judging(egress.refusal))
    metrics = Metrics("publisher")
    checks = {"store": store.check, "clock": clock_check(clock), "broker": broker_check(broker)}
    app = make_app("publisher", checks=checks, metrics=metrics)
    return Program(
        "publisher",
        server=HttpServer(app, host=settings.publisher_host, port=settings.publisher_port, settings="PUBLISHER"),
        workers=[
            keep_in_step(clock, store.now),
            Worker("claims", claims.run),
            Worker("facts", settler.run),
            Worker("jobs", jobs.run),
            Worker("arrivals", receiver.run),
            Worker("refresher", Refresher(store, tokens, now=now).run),
            Worker("ageing", _ageing(settings, store, storage, now).run),
            *_counting(settings, store, broker, line, tiktok, now),
            Worker("reseal", Reseal(store.resealer, metrics).run),
            Worker("sweeper", _sweeper(settings, store, now).run),
        ],
    )


def _ageing(settings: PublisherSettings, store: Store, storage: MediaStorage, now: Callable[[], datetime]) -> Ageing:
    used, unused = timedelta(days=settings.media_keep_used_days), timedelta(days=settings.media_keep_unused_days)
    return Ageing(store, storage, now=now, keep_used=used, keep_unused=unused)


def _counting(
    settings: PublisherSettings,
    store: Store,
    broker: Broker,
    line: Line,
    tiktok: TikTokClient,
    now: Callable[[], datetime],
) -> list[Worker]:
    """Nobody, where nothing is to be counted."""
    if not settings.stats_every_h:
        return []
    every, post_days = timedelta(hours=settings.stats_every_h), timedelta(days=settings.stats_post_days)
    return [Worker("stats", Counter(store, broker, line, tiktok, every=every, post_days=post_days, now=now).run)]


def _sweeper(settings: PublisherSettings, store: Store, now: Callable[[], datetime]) -> Sweeper:
    return Sweeper(
        store,
        now=now,
        retention_days=settings.retention_days,
        stats_post_days=settings.stats_post_days,
        stats_keep_days=settings.stats_keep_days,
    )


def _drive(
    settings: PublisherSettings,
    store: Store,
    storage: MediaStorage,
    preparer: Preparer,
    tiktok: TikTokClient,
    line: Line,
    budget: Budget,
    now: Callable[[], datetime],
) -> Drive:
    chunk_lease = timedelta(seconds=settings.publisher_chunk_timeout_s) + CHUNK_MARGIN
    puller = Puller(store, line, tiktok, now=now, public_url=settings.public_url)
    return Drive(
        store,
        budget,
        preparer,
        Beginner(store, line, tiktok, puller, now=now, chunk_lease=chunk_lease, audited=settings.tiktok_audited),
        Uploader(
            store,
            storage,
            tiktok,
            now=now,
            chunk_timeout_s=settings.publisher_chunk_timeout_s,
            chunk_lease=chunk_lease,
        ),
        Looker(store, line, budget, tiktok, now=now),
        puller,
        Sighter(store, line, tiktok, now=now),
        now=now,
        lease=timedelta(seconds=settings.publisher_lease_s),
    )


def _preparer(
    settings: PublisherSettings,
    store: Store,
    storage: MediaStorage,
    fetcher: Fetcher,
    workers: Workers,
    converters: Workers,
    now: Callable[[], datetime],
) -> Preparer:
    lease = timedelta(seconds=settings.publisher_lease_s)
    readier = Readier(
        store,
        storage,
        workers=workers,
        converters=converters,
        at_once=settings.media_converters,
        now=now,
        lease=lease,
    )
    return Preparer(store, fetcher, readier, now=now)
