"""How slots are shared between endpoints that answer and endpoints that hang."""

from collections import Counter

from services.notifier.slots import Slots


def begin(slots: Slots, under_way: Counter[str], lanes: list[str], *, slow: Counter[str], others: int = 0) -> None:
    """Every lane wants as many as it can get; they take turns. `others` want something as well, a moment later."""
    slots.lanes, slots.slow_lanes = len(lanes) + others, sum(1 for count in slow.values() if count)
    while True:
        before = slots.taken
        for lane in lanes:
            if slots.may_begin(sending=under_way[lane], slow=slow[lane]):
                under_way[lane] += 1
                slots.taken += 1
        if slots.taken == before:
            return


def test_an_endpoint_alone_may_have_every_slot() -> None:
    slots, under_way = Slots(256), Counter[str]()

    begin(slots, under_way, ["one"], slow=Counter())

    assert under_way["one"] == 256


def test_a_greedy_endpoint_gets_half_of_the_slots_at_most_when_there_are_others() -> None:
    slots, under_way = Slots(64), Counter[str]()
    slots.lanes = 10

    while slots.may_begin(sending=under_way["greedy"], slow=0):
        under_way["greedy"] += 1
        slots.taken += 1

    assert under_way["greedy"] == 32
    assert all(slots.may_begin(sending=n, slow=0) for n in range(6)), "the others have their share"
    assert not slots.may_begin(sending=6, slow=0)


def test_while_a_fifth_hangs_the_others_keep_more_than_half_of_the_slots() -> None:
    slots, under_way = Slots(256), Counter[str]()
    hanging, healthy = [f"hangs {n}" for n in range(20)], [f"well {n}" for n in range(80)]
    begin(slots, under_way, hanging, slow=Counter(), others=80)  # they were first, and hold what they got

    begin(slots, under_way, [*hanging, *healthy], slow=Counter())

    assert sum(under_way[lane] for lane in healthy) >= 128
    assert all(under_way[lane] for lane in healthy)


def test_what_has_become_slow_takes_no_slot_and_is_shared_fairly_itself() -> None:
    slots, under_way = Slots(256), Counter[str]()
    hanging, healthy = [f"hangs {n}" for n in range(20)], [f"well {n}" for n in range(80)]
    begin(slots, under_way, hanging, slow=Counter())
    slow = Counter({lane: under_way[lane] for lane in hanging})
    slots.taken = 0

    for _ in range(9):  # whatever is begun hangs as well
        begin(slots, under_way, hanging, slow=slow)
        slow, slots.taken = Counter({lane: under_way[lane] for lane in hanging}), 0
    begin(slots, under_way, healthy, slow=Counter())

    assert max(under_way[lane] for lane in hanging) <= 256 // 20 + 1
    assert sum(under_way[lane] for lane in healthy) >= 240


def test_one_slow_endpoint_alone_goes_on_at_its_own_pace() -> None:
    slots = Slots(256, lanes=80, slow_lanes=1)

    assert slots.may_begin(sending=49, slow=49)


def test_nobody_begins_when_every_slot_is_taken() -> None:
    assert not Slots(8, taken=8).may_begin(sending=0, slow=0)
