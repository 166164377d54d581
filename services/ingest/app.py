"""How ingest is put together. Pure wiring."""

from libs.broker.check import broker_check
from libs.broker.port import Broker
from libs.runtime.clock import SyncedClock
from libs.runtime.metrics import Metrics
from libs.runtime.program import Program
from libs.runtime.settings import reveal
from libs.runtime.sync import clock_check, keep_in_step
from libs.runtime.web import HttpServer, make_app
from libs.runtime.workers import Worker
from libs.store.store import Store
from services.ingest.commit import GroupCommit
from services.ingest.keyring import Keyring
from services.ingest.receive import Receiver
from services.ingest.settings import IngestSettings

DURABLE_S = 10.0
"""How long a webhook waits to be saved before it is answered 503; it is saved all the same if the store recovers."""


def build(settings: IngestSettings, *, store: Store, broker: Broker, clock: SyncedClock) -> Program:
    """Ingest over open parts; whoever opened them closes them after `stop`."""
    metrics = Metrics("ingest")
    commit = GroupCommit(
        store.facts,
        broker,
        queue_max=settings.ingest_queue_max,
        batch_max=settings.ingest_batch_max,
        at_once=settings.ingest_commits_at_once,
        patience_s=DURABLE_S,
    )
    metrics.gauge("webhooks_waiting", "Verified webhooks waiting to be saved").set_function(lambda: commit.waiting)
    keyring = Keyring(
        store.apps, client_key=settings.tiktok_client_key, secrets=reveal(settings.tiktok_client_secret), now=clock.now
    )
    receiver = Receiver(
        commit,
        keyring,
        now=clock.now,
        answered=metrics.counter("webhooks", "Webhooks answered, by status and why", ("status", "why")),
    )
    checks = {"store": store.check, "clock": clock_check(clock), "broker": broker_check(broker)}
    app = make_app(
        "ingest",
        checks=checks,
        client_max_size=settings.ingest_body_max,
        metrics=metrics,
        request_ids=False,  # TikTok reads none, and they were a tenth of what a webhook costs
    )
    app.router.add_post("/webhooks/tiktok", receiver.receive)
    return Program(
        "ingest",
        server=HttpServer(app, host=settings.ingest_host, port=settings.ingest_port, settings="INGEST"),
        workers=[Worker("commit", commit.run), keep_in_step(clock, store.now)],
    )
