"""What both adapters promise about bells."""

from broker_place import SOON, Place

MOMENT = 0.1


async def test_bell_is_heard_by_another_process(place: Place) -> None:
    ringing, hearing = await place.broker(), await place.broker()

    async with hearing.listen("posts") as bell:
        await ringing.ring("posts")

        assert await bell.wait(SOON)


async def test_bell_is_heard_by_every_listener(place: Place) -> None:
    ringing, hearing = await place.broker(), await place.broker()

    async with (
        hearing.listen("posts") as one,
        hearing.listen("posts", "facts") as other,
        ringing.listen("posts") as own,
    ):
        await ringing.ring("posts")

        assert await one.wait(SOON)
        assert await other.wait(SOON)
        assert await own.wait(SOON)


async def test_listener_hears_any_of_its_bells_and_no_other(place: Place) -> None:
    broker = await place.broker()

    async with broker.listen("posts", "facts") as bell:
        await broker.ring("events")
        assert not await bell.wait(MOMENT)

        await broker.ring("facts")
        assert await bell.wait(SOON)


async def test_rings_that_nobody_waited_for_become_one_or_two(place: Place) -> None:
    ringing, hearing = await place.broker(), await place.broker()

    async with hearing.listen("posts") as bell:
        for _ in range(200):
            await ringing.ring("posts")

        assert await bell.wait(SOON)
        # One more may have been on its way when the first was heard.
        await bell.wait(MOMENT)
        assert not await bell.wait(MOMENT)


async def test_ring_after_a_wait_is_heard_by_the_next_wait(place: Place) -> None:
    broker = await place.broker()

    async with broker.listen("posts") as bell:
        for _ in range(5):
            await broker.ring("posts")
            assert await bell.wait(SOON)


async def test_bells_of_another_prefix_are_not_heard(place: Place) -> None:
    mine, theirs = await place.broker(), await place.broker(prefix=place.other_prefix)

    async with mine.listen("posts") as bell:
        await theirs.ring("posts")

        assert not await bell.wait(MOMENT)


async def test_nobody_hears_a_bell_before_listening_or_after_leaving(place: Place) -> None:
    broker = await place.broker()

    await broker.ring("posts")
    async with broker.listen("posts") as left:
        await left.wait(MOMENT)
    await broker.ring("posts")

    assert not await left.wait(MOMENT)
