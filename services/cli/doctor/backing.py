"""Postgres, its schema, its secrets and the clocks; RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from libs.broker.open import open_broker
from libs.runtime.clock import Clock, SyncedClock
from libs.runtime.settings import mask_url, reveal
from libs.runtime.sync import OFF_S, read_once
from libs.store.errors import SchemaMismatch, StoreError, Unavailable, WrongKey
from libs.store.store import Store
from services.cli.doctor.finding import Finding, broken, fine, limited
from services.cli.doctor.settings import DeploymentSettings

CONNECT_S = 8.0


async def database(settings: DeploymentSettings, *, clock: Clock) -> AsyncIterator[Finding]:
    """Whether it answers, is this version's, opens its secrets, and tells the time that this machine tells."""
    if settings.database_url is None or not settings.clipwire_encryption_keys:
        missing = "DATABASE_URL" if settings.database_url is None else "CLIPWIRE_ENCRYPTION_KEYS"
        yield broken("database", f"{missing} is not set, so nothing was looked at", remedy=f"Set {missing}.")
        return
    where = mask_url(settings.database_url)
    try:
        store = Store(
            settings.database_url, program="doctor", encryption_keys=reveal(settings.clipwire_encryption_keys), size=1
        )
        async with asyncio.timeout(CONNECT_S):
            await store.open()
    except (StoreError, ValueError, OSError) as error:
        yield _refused(error, where=where)
        return
    try:
        yield fine("database", f"{where} answers, with this version's schema, and its secrets open")
        yield await _clock(store, clock=clock)
    finally:
        await store.close()


def _refused(error: Exception, *, where: str) -> Finding:
    match error:
        case SchemaMismatch():
            return broken("database", str(error), remedy="Run `make migrate`, or the newer version of Clipwire.")
        case WrongKey():
            remedy = "Put the key back that was taken out of CLIPWIRE_ENCRYPTION_KEYS; the first encrypts, all decrypt."
            return broken("encryption keys", str(error), remedy=remedy)
        case Unavailable() | OSError():
            remedy = "Start PostgreSQL, or correct DATABASE_URL (host, port, user, password, database)."
            return broken("database", f"{where} does not answer: {_one_line(error.__cause__ or error)}", remedy=remedy)
        case _:
            return broken("database", _one_line(error), remedy="Correct what is named.")


def _one_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:300]


async def _clock(store: Store, *, clock: Clock) -> Finding:
    mine = SyncedClock(clock)
    await read_once(mine, store.now)
    off = timedelta(seconds=mine.error or 0.0).total_seconds()
    if off > OFF_S:
        text = f"this machine is {off:.1f} s off the database's clock; programs are not ready beyond {OFF_S:g} s"
        return broken("clock", text, remedy="Synchronize both machines' clocks (chrony, systemd-timesyncd).")
    return fine("clock", f"within {max(off, 0.001):.3f} s of the database's")


async def broker(settings: DeploymentSettings, *, within: float = CONNECT_S) -> Finding:
    """Whether RabbitMQ lets us in, within so many seconds."""
    if settings.rabbitmq_url is None:
        text = "RABBITMQ_URL is not set: no job queue, no relay of events; alarms in the database do all other work"
        return limited("rabbitmq", text, remedy="Set RABBITMQ_URL if jobs come or events go by RabbitMQ.")
    url = settings.rabbitmq_url.get_secret_value()
    remedy = "Start RabbitMQ, or correct RABBITMQ_URL (host, port, user, password, virtual host)."
    try:
        line = open_broker(url, prefix=settings.rabbitmq_prefix, name="clipwire-doctor")
    except ValueError as error:
        return broken("rabbitmq", str(error), remedy=remedy)
    await line.start()
    try:
        async with asyncio.timeout(within):
            while not line.connected:  # noqa: ASYNC110 (the port says it in no other way)
                await asyncio.sleep(0.05)
    except TimeoutError:
        return broken("rabbitmq", f"{mask_url(url)} let nobody in within {within:g} s", remedy=remedy)
    finally:
        await line.close()
    return fine("rabbitmq", f"{mask_url(url)} answers")
