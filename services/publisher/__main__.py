"""`python -m services.publisher`"""

import sys
from contextlib import AsyncExitStack

from libs.broker.open import open_broker
from libs.egress import USER_AGENT, BadAllowList, Guard, GuardedClient, own_ports, parse_allow
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
from services.publisher.app import CONVERTER_WAIT_S, build
from services.publisher.settings import PublisherSettings, connections


async def serve(settings: PublisherSettings) -> None:
    """Opens the parts, runs the program until a signal, closes the parts."""
    async with AsyncExitStack() as parts:
        store = Store(
            settings.database_url, program="publisher", encryption_keys=reveal(settings.clipwire_encryption_keys)
        )
        parts.push_async_callback(store.close)
        await store.open()
        url = settings.rabbitmq_url.get_secret_value() if settings.rabbitmq_url else None
        broker = open_broker(url, prefix=settings.rabbitmq_prefix, name="clipwire-publisher")
        await broker.start()
        parts.push_async_callback(broker.close)
        storage = open_storage(settings.media_url)
        parts.push_async_callback(storage.close)
        guard = Guard(
            allow=parse_allow(settings.egress_allow),
            own_ports=own_ports(urls=[settings.database_url, url], ports=[settings.publisher_port]),
        )
        egress = await parts.enter_async_context(GuardedClient(guard=guard, user_agent=USER_AGENT))
        workers = await parts.enter_async_context(Workers())
        converters = await parts.enter_async_context(Workers(size=settings.media_converters, wait_s=CONVERTER_WAIT_S))
        tiktok = await parts.enter_async_context(
            TikTokClient(
                api_url=settings.tiktok_api_url,
                auth_url=settings.tiktok_auth_url,
                max_connections=connections(settings),
            )
        )
        clock = await parts.enter_async_context(
            open_clock(settings.clipwire_clock, tiktok_api_url=settings.tiktok_api_url)
        )
        await read_once(clock, store.now)
        program = build(
            settings,
            store=store,
            broker=broker,
            storage=storage,
            egress=egress,
            workers=workers,
            converters=converters,
            tiktok=tiktok,
            clock=clock,
        )
        await program.start()
        await until_signal()
        await program.stop()


if __name__ == "__main__":
    sys.exit(command("publisher", PublisherSettings, serve, known=(BadAllowList, StorageError, StoreError)))
