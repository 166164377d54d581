"""Replays through the whole house: as slow as was asked, and still when they are paused."""

from datetime import timedelta
from typing import Any

import pytest
from flow_house import Guest, Stage

from libs.model.event import EventType, event, stamp
from libs.model.sample import DATA
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = 60


async def tell(stage: Stage, guest: Guest, count: int) -> None:
    """So many events for that customer."""
    told = [
        event(EventType.WEBHOOK_TEST, key=f"{guest.name}:{n}", now=stage.now, data=DATA[EventType.WEBHOOK_TEST],
              customer_id=guest.customer_id)
        for n in range(count)
    ]  # fmt: skip
    await stage.house.store.events.record(told, now=stage.now)
    await stage.house.broker.ring("notifier")


async def arrived(guest: Guest) -> int:
    await guest.stage.quiet()
    return len(await guest.inbox("webhook.test"))


async def replay(guest: Guest, **more: Any) -> dict[str, Any]:
    since = stamp(guest.stage.now - timedelta(hours=1))
    await guest.stage.advance(1)  # what happens at its end is not of it
    wish = {"customer_id": guest.customer_id, "since": since, "events": ["webhook.test"], **more}
    made: dict[str, Any] = await guest.stage.api("POST", "replays", wish, status=201)
    return made


async def passed(stage: Stage, replay_id: str, *, half_seconds: int) -> dict[str, Any]:
    """Time goes on half a second at a time, and whoever has something to do does it. The replay after that."""

    async def worked() -> bool:
        await stage.quiet()
        row = await stage.row("select alarm from replays where id = $1", replay_id)
        return row["alarm"] is None or row["alarm"] > stage.now

    for _ in range(half_seconds):
        await stage.advance(0.5)
        await eventually(worked)
        await stage.quiet()
    found: dict[str, Any] = await stage.api("GET", f"replays/{replay_id}")
    return found


async def test_a_replay_that_is_paused_stands_still_within_a_second_and_is_not_called_done(stage: Stage) -> None:
    guest = await stage.guest()
    await tell(stage, guest, MANY)
    assert await arrived(guest) == MANY
    made = await replay(guest, states=["delivered"], per_second=2)

    running = await passed(stage, made["id"], half_seconds=6)
    before = await arrived(guest) - MANY
    await stage.api("POST", f"replays/{made['id']}/pause", status=200)
    paused = await passed(stage, made["id"], half_seconds=12)
    after = await arrived(guest) - MANY

    assert (running["state"], running["total"]) == ("running", MANY)
    assert 5 <= before <= 7
    assert before <= after == paused["replayed"] <= before + 2
    assert paused["state"] == "paused"
    await stage.api("POST", f"replays/{made['id']}/resume", status=200)
    resumed = await passed(stage, made["id"], half_seconds=4)
    cancelled = await stage.api("POST", f"replays/{made['id']}/cancel", status=200)
    assert after < resumed["replayed"] <= after + 6
    assert (cancelled["state"], cancelled["replayed"]) == ("cancelled", resumed["replayed"])
    await stage.advance(1)
    assert await arrived(guest) == MANY + resumed["replayed"]


@pytest.mark.waits_long
async def test_an_endpoint_that_is_dead_holds_up_no_other_and_hears_its_share_when_it_is_back(stage: Stage) -> None:
    guest = await stage.guest()
    dead = await stage.guest(customer_id=guest.customer_id, endpoint={"events": ["webhook.test"]})
    await tell(stage, guest, MANY)
    assert await arrived(guest) == await arrived(dead) == MANY
    await dead.answers(reset=True)
    made = await replay(guest, states=["delivered"], per_second=10)

    running = await passed(stage, made["id"], half_seconds=15)

    assert await arrived(guest) == 2 * MANY
    waiting = "select count(*) as n from deliveries where state = 'pending' and endpoint_id = $1"
    assert (await stage.row(waiting, dead.endpoint_id))["n"] <= 30
    assert (running["state"], running["total"]) == ("running", 2 * MANY)
    await dead.answers(status=200)
    await stage.advance(130)  # a probe, and a look at the share
    await passed(stage, made["id"], half_seconds=2)
    await stage.advance(600)
    done = await passed(stage, made["id"], half_seconds=10)
    assert (done["state"], done["replayed"]) == ("done", 2 * MANY)
    heard = [item["id"] for item in await dead.inbox("webhook.test")]
    assert len(set(heard)) == MANY
    left = "select count(*) as n from deliveries where state <> 'delivered' and customer_id = $1"
    assert (await stage.row(left, guest.customer_id))["n"] == 0
