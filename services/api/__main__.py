"""`python -m services.api`"""

import sys
from contextlib import AsyncExitStack

from libs.broker.open import open_broker
from libs.egress import USER_AGENT, Guard, GuardedClient, own_ports, parse_allow
from libs.media.errors import StorageError
from libs.media.storage import open_storage
from libs.media.workers import Workers
from libs.runtime.follow import open_clock
from libs.runtime.program import command, until_signal
from libs.runtime.settings import reveal
from libs.runtime.sync import read_once
from libs.store.errors import StoreError
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from services.api.app import build, ensure_operator_key
from services.api.settings import ApiSettings


async def serve(settings: ApiSettings) -> None:
    """Opens the parts, runs the program until a signal, closes the parts."""
    async with AsyncExitStack() as parts:
        store = Store(settings.database_url, program="api", encryption_keys=reveal(settings.clipwire_encryption_keys))
        parts.push_async_callback(store.close)
        await store.open()
        url = settings.rabbitmq_url.get_secret_value() if settings.rabbitmq_url else None
        broker = open_broker(url, prefix=settings.rabbitmq_prefix, name="clipwire-api")
        await broker.start()
        parts.push_async_callback(broker.close)
        storage = open_storage(settings.media_url)
        parts.push_async_callback(storage.close)
        guard = Guard(
            allow=parse_allow(settings.egress_allow),
            own_ports=own_ports(urls=[settings.database_url, url], ports=[settings.api_port]),
        )
        egress = await parts.enter_async_context(GuardedClient(guard=guard, user_agent=USER_AGENT))
        workers = await parts.enter_async_context(Workers())
        tiktok = await parts.enter_async_context(
            TikTokClient(api_url=settings.tiktok_api_url, auth_url=settings.tiktok_auth_url)
        )
        clock = await parts.enter_async_context(
            open_clock(settings.clipwire_clock, tiktok_api_url=settings.tiktok_api_url)
        )
        await read_once(clock, store.now)
        if settings.operator_key:
            await ensure_operator_key(store, settings.operator_key.get_secret_value(), clock.now())
        program = build(
            settings,
            store=store,
            broker=broker,
            storage=storage,
            egress=egress,
            workers=workers,
            tiktok=tiktok,
            clock=clock,
        )
        await program.start()
        await until_signal()
        await program.stop()


if __name__ == "__main__":
    sys.exit(command("api", ApiSettings, serve, known=(StorageError, StoreError)))
