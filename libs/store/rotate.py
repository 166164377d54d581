"""`python -m libs.store.rotate`: seals everything anew with the first of CLIPWIRE_ENCRYPTION_KEYS, and says which keys
are still needed; `--check` only says so. The publisher does the same by itself; this is for who will not wait.

Ends with 0 when every key but the first can be removed, with 1 when not yet, with 2 when it could not tell.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

from libs.store.errors import StoreError
from libs.store.sealing import Use
from libs.store.store import Store


def report(use: Use) -> list[str]:
    """For an operator: the keys in use, who holds up removing the others, and what to do."""
    lines = [f"{use.seals}: the first key, {use.values.get(use.seals, 0)} values"]
    lines += [f"{key}: {count} values" for key, count in sorted(use.values.items()) if key != use.seals]
    lines += [f"{name} is running and seals with another key: give it this first key" for name in use.behind]
    if use.settled:
        return [*lines, "every other key can be removed from CLIPWIRE_ENCRYPTION_KEYS"]
    return [*lines, f"not yet: {use.outdated} values are under other keys; keep those keys, behind the first"]


async def _run(dsn: str, keys: Sequence[str], *, check: bool) -> Use:
    store = Store(dsn, program="rotate", encryption_keys=keys, size=2)
    await store.open()
    try:
        if not check:
            await store.resealer.round()
        return await store.sealing.use()
    finally:
        await store.close()


def main() -> int:
    if bad := [word for word in sys.argv[1:] if word != "--check"]:
        print(f"rotate: unknown {bad[0]}; it takes --check or nothing", file=sys.stderr)  # noqa: T201
        return 2
    missing = [name for name in ("DATABASE_URL", "CLIPWIRE_ENCRYPTION_KEYS") if not os.environ.get(name)]
    if missing:
        print(f"rotate: bad settings: {', '.join(missing)} not set", file=sys.stderr)  # noqa: T201
        return 2
    keys = [key.strip() for key in os.environ["CLIPWIRE_ENCRYPTION_KEYS"].split(",") if key.strip()]
    try:
        use = asyncio.run(_run(os.environ["DATABASE_URL"], keys, check="--check" in sys.argv))
    except (StoreError, ValueError) as error:
        print(f"rotate: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print("\n".join(report(use)))  # noqa: T201
    return 0 if use.settled else 1


if __name__ == "__main__":
    sys.exit(main())
