"""Work that is kept under a lease, and what becomes of both when both end badly."""

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from test_publisher_validate import a_post

from libs.broker.port import Broker
from libs.store.errors import Unavailable
from libs.store.store import Store
from services.publisher.saving import Lost, Run

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class Elsewhere:
    """A store where somebody else went on with every post, and the work under way fails just then."""

    def __init__(self) -> None:
        self.fail = asyncio.Event()
        self.failed = asyncio.Event()

    @property
    def posts(self) -> "Elsewhere":
        return self

    async def save(self, changes: list[Any], *, now: datetime) -> set[str]:
        self.fail.set()
        await self.failed.wait()
        await asyncio.sleep(0)
        return {change.post.id for change in changes}

    async def work(self) -> None:
        await self.fail.wait()
        self.failed.set()
        raise Unavailable("frozen past its deadline")


async def test_work_that_fails_while_its_post_is_lost_is_heard_and_no_error_of_the_loop() -> None:
    store, unheard = Elsewhere(), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(str(context["message"])))
    run = Run(cast("Store", store), cast("Broker", None), a_post(), None)

    with pytest.raises(Lost):
        await run.keeping(store.work(), lease=timedelta(milliseconds=30), clock=lambda: NOW)

    gc.collect()
    assert unheard == []
