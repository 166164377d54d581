"""An endpoint that is told in order, through the whole notifier."""

import pytest
from flow_house import Guest, Stage

from libs.model.event import EventType, event
from libs.model.sample import DATA
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def tell(stage: Stage, guest: Guest, account_id: str, count: int) -> list[str]:
    told = []
    for n in range(count):
        one = event(
            EventType.WEBHOOK_TEST, key=f"{account_id}:{n}", now=stage.now, data=DATA[EventType.WEBHOOK_TEST],
            customer_id=guest.customer_id, account_id=account_id,
        )  # fmt: skip
        await stage.house.store.events.record([one], now=stage.now)
        told.append(one.id)
    await stage.house.broker.ring("notifier")
    return told


async def test_what_failed_is_heard_before_what_came_after_it_and_other_accounts_go_on(stage: Stage) -> None:
    guest = await stage.guest(endpoint={"ordering": "account", "events": ["webhook.test"]})
    await guest.answers({"status": 500})
    stuck = await tell(stage, guest, "acc_stuck", 3)

    async def heard() -> list[str]:
        return [item["id"] for item in await guest.inbox()]

    async def failed_once() -> bool:
        return await heard() == stuck[:1]

    assert await eventually(failed_once)
    free = await tell(stage, guest, "acc_free", 3)

    async def flowed() -> bool:
        return await heard() == [stuck[0], *free]

    assert await eventually(flowed)
    await stage.advance(60)

    async def all_heard() -> bool:
        return await heard() == [stuck[0], *free, *stuck]

    assert await eventually(all_heard)
