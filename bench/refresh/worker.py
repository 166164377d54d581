"""`python -m bench.refresh.worker`: one replica of whoever uses tokens, told what to do line by line.

`use` has so many tasks each want a usable token of an account; `refresh` refreshes accounts, each so often in a row.
`later_s` puts its clock ahead, so that leases end without being waited for.
"""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.script import Answer, converse
from libs.accounts.apps import AppBook, OperatorApp
from libs.accounts.errors import Later, NotConnected
from libs.accounts.token import TokenKeeper
from libs.runtime import logs
from libs.store.store import Store
from libs.tiktok.client import TikTokClient

PATIENCE_S = 60.0
PAUSE_S = 0.05
AT_ONCE = 64


class Worker:
    """Uses tokens as the publisher does."""

    def __init__(self, tokens: TokenKeeper) -> None:
        self._tokens = tokens
        self._room = asyncio.Semaphore(AT_ONCE)

    async def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        later = timedelta(seconds=asked.get("later_s", 0))
        match asked["do"]:
            case "use":
                return await self.use(asked["accounts"], tasks=asked["tasks"], later=later)
            case "refresh":
                return await self.refresh(asked["accounts"], times=asked.get("times", 1), later=later)
            case other:
                raise ValueError(f"unknown command {other!r}")

    async def use(self, accounts: Sequence[str], *, tasks: int, later: timedelta) -> dict[str, Any]:
        """account → the hashes of all tokens its tasks got, with how many got each."""
        got: dict[str, Counter[str]] = {account: Counter() for account in accounts}

        async def one(account: str) -> None:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        token = await self._tokens.usable(account, now=_now(later))
                    except Later:
                        await asyncio.sleep(PAUSE_S)
                        continue
                    got[account][hashlib.sha256(token.encode()).hexdigest()] += 1
                    return

        async with asyncio.TaskGroup() as group:
            for account in accounts:
                for _ in range(tasks):
                    group.create_task(one(account))
        return {account: dict(tokens) for account, tokens in got.items()}

    async def refresh(self, accounts: Sequence[str], *, times: int, later: timedelta) -> dict[str, Any]:
        """How the refreshes ended, by account: done, later, or refused."""
        ends: dict[str, Counter[str]] = {account: Counter() for account in accounts}

        async def one(account: str) -> None:
            async with self._room:
                for _ in range(times):
                    ends[account][await self._refresh(account, later)] += 1

        async with asyncio.TaskGroup() as group:
            for account in accounts:
                group.create_task(one(account))
        return {account: dict(counts) for account, counts in ends.items()}

    async def _refresh(self, account: str, later: timedelta) -> str:
        try:
            await self._tokens.refresh(account, now=_now(later))
        except Later:
            return "later"
        except NotConnected:
            return "refused"
        return "done"


def _now(later: timedelta) -> datetime:
    return datetime.now(UTC) + later


async def start() -> tuple[dict[str, Any], Answer]:
    logs.configure(level="error")
    environ = os.environ
    store = Store(environ["DATABASE_URL"], program="worker", encryption_keys=[environ["CLIPWIRE_ENCRYPTION_KEYS"]])
    await store.open()
    client = await TikTokClient(api_url=environ["TIKTOK_API_URL"], auth_url=environ["TIKTOK_AUTH_URL"]).__aenter__()
    app = OperatorApp(environ["TIKTOK_CLIENT_KEY"], (environ["TIKTOK_CLIENT_SECRET"],))
    return {"pid": os.getpid()}, Worker(TokenKeeper(store, client, AppBook(store, app))).answer


if __name__ == "__main__":
    converse(start)
