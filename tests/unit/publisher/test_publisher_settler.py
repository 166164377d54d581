"""A fact that cannot be settled keeps nobody else from being settled."""

from datetime import UTC, datetime
from typing import Any, cast

from libs.broker.memory import MemoryBroker, MemoryBus
from libs.model.fact import Fact, FactKind, FactSource
from libs.store.facts import Claimed
from libs.store.store import Store
from services.publisher.facts import Settler
from services.publisher.hearsay import Hearsay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Scripted:
    """A store with three facts due, and hearsay that chokes on the second."""

    def __init__(self) -> None:
        self.settled: list[int] = []
        self.postponed: list[int] = []

    @property
    def facts(self) -> "Scripted":
        return self

    async def claim(self, **_: Any) -> list[Claimed]:
        return [Claimed(n, Fact(f"key {n}", FactKind.PING, FactSource.WEBHOOK, NOW), 1) for n in (1, 2, 3)]

    async def postpone(self, until: list[tuple[int, datetime | None]]) -> None:
        self.postponed += [id_ for id_, alarm in until if alarm is not None and alarm > NOW]

    async def settle(self, claimed: Claimed) -> None:
        if claimed.id == 2:
            raise ValueError("a reason no reader of ours foresaw")
        self.settled.append(claimed.id)


async def test_a_fact_that_breaks_us_waits_apart_and_its_neighbours_are_settled() -> None:
    script, broker = Scripted(), MemoryBroker(MemoryBus(), prefix="")
    settler = Settler(cast("Store", script), broker, cast("Hearsay", script), now=lambda: NOW, idle_s=1.0)
    await settler.settle_batch()
    assert script.settled == [1, 3]
    assert script.postponed == [2]
