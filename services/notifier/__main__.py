"""`python -m services.notifier`"""

import gc
import sys
from contextlib import AsyncExitStack

from libs.broker.open import open_broker
from libs.egress import USER_AGENT, BadAllowList, Guard, GuardedClient, Pool, own_ports, parse_allow
from libs.runtime.follow import open_clock
from libs.runtime.program import command, until_signal
from libs.runtime.settings import reveal
from libs.runtime.sync import read_once
from libs.store.errors import StoreError
from libs.store.store import Store
from services.notifier.app import build
from services.notifier.settings import NotifierSettings

GC_THRESHOLDS = (10_000, 20, 50)
"""What comes and goes with a request leaves by its reference count. Looking for cycles every 700 new objects, as Python
does, took a tenth of this program's time and found none; what is there at the start is never looked at again."""


async def serve(settings: NotifierSettings) -> None:
    """Opens the parts, runs the program until a signal, closes the parts."""
    async with AsyncExitStack() as parts:
        store = Store(
            settings.database_url, program="notifier", encryption_keys=reveal(settings.clipwire_encryption_keys)
        )
        parts.push_async_callback(store.close)
        await store.open()
        url = settings.rabbitmq_url.get_secret_value() if settings.rabbitmq_url else None
        broker = open_broker(url, prefix=settings.rabbitmq_prefix, name="clipwire-notifier")
        await broker.start()
        parts.push_async_callback(broker.close)
        guard = Guard(
            allow=parse_allow(settings.egress_allow),
            own_ports=own_ports(urls=[settings.database_url, url], ports=[settings.notifier_port]),
        )
        # Many endpoints may live at one host, and each has its own bound: whoever waited for a connection here would
        # lose it to whoever just had one. Prompt requests, and as many slow ones (slots.py).
        most = 2 * settings.notifier_concurrency
        pool = Pool(total=most, per_host=most)
        egress = await parts.enter_async_context(GuardedClient(guard=guard, user_agent=USER_AGENT, pool=pool))
        clock = await parts.enter_async_context(
            open_clock(settings.clipwire_clock, tiktok_api_url=settings.tiktok_api_url)
        )
        await read_once(clock, store.now)
        program = build(settings, store=store, broker=broker, egress=egress, clock=clock)
        await program.start()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        await until_signal()
        await program.stop()


if __name__ == "__main__":
    sys.exit(command("notifier", NotifierSettings, serve, known=(BadAllowList, StoreError)))
