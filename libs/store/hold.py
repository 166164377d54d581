"""`python -m libs.store.hold`: run once after the database came back from a backup, before any program is started.

Every post that was unfinished at that point waits until it is compared with TikTok (`libs.model.hold`). Run twice it
holds nothing twice; a program that is running meanwhile makes it go round again, and may send what is not held yet.
"""

import asyncio
import os
import sys
from datetime import datetime

from libs.model.hold import hold
from libs.store.errors import StoreError
from libs.store.store import Store

BATCH = 500


async def hold_all(store: Store, *, now: datetime) -> int:
    """Holds every post that is unfinished now; returns how many."""
    held, after = 0, ""
    while contexts := await store.posts.unfinished(after=after, limit=BATCH):
        changes = [change for c in contexts if (change := hold(c.post, c.publication, now=now)) is not None]
        stale = await store.posts.save(changes, now=now) if changes else set()
        held += len(changes) - len(stale)
        if not stale:
            after = contexts[-1].post.id
    return held


async def _run(dsn: str, keys: list[str]) -> int:
    store = Store(dsn, program="hold", encryption_keys=keys, size=2)
    await store.open()
    try:
        return await hold_all(store, now=await store.now())
    finally:
        await store.close()


def main() -> int:
    missing = [name for name in ("DATABASE_URL", "CLIPWIRE_ENCRYPTION_KEYS") if not os.environ.get(name)]
    if missing:
        print(f"hold: bad settings: {', '.join(missing)} not set", file=sys.stderr)  # noqa: T201
        return 2
    keys = [key.strip() for key in os.environ["CLIPWIRE_ENCRYPTION_KEYS"].split(",") if key.strip()]
    try:
        held = asyncio.run(_run(os.environ["DATABASE_URL"], keys))
    except (StoreError, ValueError) as error:
        print(f"hold: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(f"hold: {held} posts wait until they are compared with TikTok")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
