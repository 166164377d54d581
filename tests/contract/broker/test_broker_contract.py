"""What both adapters promise: publishing, consuming, answering, dead letters. (Bells: `test_bells_contract`.)"""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from broker_place import SOON, Place, job, take

from libs.broker.errors import Refused, Stale, Unavailable, Unroutable
from libs.broker.message import MAX_BODY_BYTES, Message
from libs.broker.topology import CLIPWIRE, DEAD_JOBS, JOBS, Names
from tests.eventually import eventually

MOMENT = 0.1
"""For proving that nothing comes."""


async def test_published_job_arrives_with_every_property(place: Place) -> None:
    broker = await place.broker()
    sent = job(
        b'{"a":1}\x00\xff',
        message_id="m-1",
        correlation_id="c-1",
        reply_to="somewhere",
        content_type="application/json",
        content_encoding="identity",
        type="post",
        app_id="tests",
        timestamp=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        headers={"text": "é", "number": 7, "nested": {"list": [1, "two", None]}},
    )

    await broker.publish(sent, exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        assert received.message == sent
        assert received.redelivered is False
        await received.ack()


async def test_message_without_id_is_given_one(place: Place) -> None:
    broker = await place.broker()

    await broker.publish(job(message_id=None), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        assert received.message.message_id


async def test_event_reaches_another_systems_queue(place: Place) -> None:
    broker = await place.broker()
    queue = f"{place.prefix}crm"
    place.stranger.declare(queue)
    place.stranger.bind(queue, "event.#")

    await broker.publish(
        Message(body=b"news", routing_key="event.post.published", message_id="evt_1"), exchange=CLIPWIRE, timeout=SOON
    )

    got = await eventually(lambda: place.stranger.get(queue))
    assert (got.body, got.message_id, got.persistent) == (b"news", "evt_1", True)


async def test_mandatory_message_that_no_queue_takes_is_unroutable(place: Place) -> None:
    broker = await place.broker()

    with pytest.raises(Unroutable, match=r"event\.nobody"):
        await broker.publish(Message(body=b"", routing_key="event.nobody"), exchange=CLIPWIRE, timeout=SOON)


async def test_message_that_need_not_be_taken_is_published_anyway(place: Place) -> None:
    broker = await place.broker()

    await broker.publish(
        Message(body=b"", routing_key="event.nobody"), exchange=CLIPWIRE, mandatory=False, timeout=SOON
    )


async def test_many_get_one_verdict_each_in_order(place: Place) -> None:
    broker = await place.broker()
    lost = Message(body=b"lost", routing_key="event.nobody")
    large = job(b"x" * (MAX_BODY_BYTES + 1))

    verdicts = await broker.publish_many(
        [job(b"1"), lost, job(b"2"), large, job(b"3")], exchange=CLIPWIRE, timeout=SOON
    )

    assert [type(verdict) for verdict in verdicts] == [type(None), Unroutable, type(None), Refused, type(None)]
    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        assert sorted(each.message.body for each in await take(jobs, 3)) == [b"1", b"2", b"3"]


async def test_messages_of_one_id_in_one_batch_get_their_own_verdicts(place: Place) -> None:
    broker = await place.broker()
    lost = Message(body=b"", routing_key="event.nobody", message_id="twin")
    good = job(message_id="twin")

    verdicts = await broker.publish_many([lost, good, lost, good], exchange=CLIPWIRE, timeout=SOON)

    assert [type(verdict) for verdict in verdicts] == [Unroutable, type(None), Unroutable, type(None)]


async def test_publishing_nothing_is_no_verdict(place: Place) -> None:
    broker = await place.broker()

    assert await broker.publish_many([], exchange=CLIPWIRE, timeout=SOON) == []


async def test_receive_takes_no_more_than_its_limit_and_gives_up_after_its_wait(place: Place) -> None:
    broker = await place.broker()
    await broker.publish_many([job(b"%d" % n) for n in range(5)], exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        bodies = []
        while len(bodies) < 5:
            batch = await jobs.receive(limit=2, wait=SOON)
            assert 1 <= len(batch) <= 2
            bodies += [each.message.body for each in batch]
        assert bodies == [b"0", b"1", b"2", b"3", b"4"]
        assert await jobs.receive(limit=2, wait=MOMENT) == []


async def test_no_more_than_prefetch_is_in_hand(place: Place) -> None:
    broker = await place.broker()
    await broker.publish_many([job() for _ in range(5)], exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=2) as jobs:
        first, second = await take(jobs, 2)
        assert await jobs.receive(limit=5, wait=MOMENT) == []

        await first.ack()
        [third] = await take(jobs, 1)
        assert await jobs.receive(limit=5, wait=MOMENT) == []

        await second.nack(requeue=False)
        await third.ack()
        assert len(await take(jobs, 2)) == 2


@pytest.mark.parametrize("prefetch", [0, -1, 65_536])
async def test_prefetch_has_bounds(place: Place, prefetch: int) -> None:
    broker = await place.broker()

    with pytest.raises(ValueError, match="prefetch"):
        async with broker.subscribe(JOBS, prefetch=prefetch):
            pass


async def test_acked_message_is_gone(place: Place) -> None:
    broker = await place.broker()
    await broker.publish(job(), exchange=CLIPWIRE, timeout=SOON)
    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        await received.ack()

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        assert await jobs.receive(limit=10, wait=MOMENT) == []


async def test_nacked_message_comes_again_and_says_so(place: Place) -> None:
    broker = await place.broker()
    await broker.publish(job(b"again"), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [first] = await take(jobs, 1)
        await first.nack()
        [second] = await take(jobs, 1)

        assert (second.message.body, second.redelivered) == (b"again", True)


async def test_message_nacked_for_good_does_not_come_again(place: Place) -> None:
    broker = await place.broker()
    await broker.publish(job(), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        await received.nack(requeue=False)

        assert await jobs.receive(limit=10, wait=MOMENT) == []


async def test_settling_twice_is_stale_and_harms_no_neighbour(place: Place) -> None:
    broker = await place.broker()
    await broker.publish_many([job(b"1"), job(b"2")], exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        first, second = await take(jobs, 2)
        await first.ack()
        with pytest.raises(Stale):
            await first.ack()
        with pytest.raises(Stale):
            await first.nack()
        await second.ack()

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        assert await jobs.receive(limit=10, wait=MOMENT) == []


async def test_leaving_a_subscription_gives_back_what_is_unsettled(place: Place) -> None:
    broker = await place.broker()
    await broker.publish_many([job(b"%d" % n) for n in range(5)], exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        done, kept = await take(jobs, 2)
        await done.ack()

    with pytest.raises(Stale):
        await kept.ack()
    assert await jobs.receive(limit=10, wait=0) == []
    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        again = await take(jobs, 4)
        assert sorted(each.message.body for each in again) == [b"1", b"2", b"3", b"4"]
        assert next(each for each in again if each.message.body == kept.message.body).redelivered


async def test_closing_a_broker_gives_back_what_is_unsettled(place: Place) -> None:
    mine, yours = await place.broker(), await place.broker()
    await mine.publish(job(), exchange=CLIPWIRE, timeout=SOON)

    async with mine.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        await mine.close()

        with pytest.raises(Stale):
            await received.ack()
    async with yours.subscribe(JOBS, prefetch=10) as jobs:
        assert (await take(jobs, 1))[0].redelivered


async def test_acks_written_just_before_the_end_count(place: Place) -> None:
    mine, yours = await place.broker(), await place.broker()
    await mine.publish_many([job() for _ in range(60)], exchange=CLIPWIRE, timeout=SOON)

    async with mine.subscribe(JOBS, prefetch=100) as jobs:
        for received in await take(jobs, 30):
            await received.ack()
    async with mine.subscribe(JOBS, prefetch=100) as jobs:
        for received in await take(jobs, 30):
            await received.ack()
        await mine.close()

    async with yours.subscribe(JOBS, prefetch=100) as jobs:
        assert await jobs.receive(limit=100, wait=MOMENT) == []


async def test_consumers_of_one_queue_share_it(place: Place) -> None:
    mine, yours = await place.broker(), await place.broker()

    async with mine.subscribe(JOBS, prefetch=1) as one, yours.subscribe(JOBS, prefetch=1) as other:
        await mine.publish_many([job(b"1"), job(b"2")], exchange=CLIPWIRE, timeout=SOON)

        bodies = {(await take(one, 1))[0].message.body, (await take(other, 1))[0].message.body}

        assert bodies == {b"1", b"2"}


async def test_reply_carries_the_correlation_id(place: Place) -> None:
    broker = await place.broker()
    inbox = f"{place.prefix}inbox"
    place.stranger.declare(inbox)
    await broker.publish(job(reply_to=inbox, correlation_id="c-9"), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        assert await broker.reply(received, b'{"accepted":true}', timeout=SOON) is True

    answer = await eventually(lambda: place.stranger.get(inbox))
    assert (answer.body, answer.correlation_id) == (b'{"accepted":true}', "c-9")


@pytest.mark.parametrize("own", ["publisher.jobs", "publisher.jobs.dead", "clipwire.bells.abc"])
async def test_reply_into_our_own_queues_is_refused(place: Place, own: str) -> None:
    broker = await place.broker()
    await broker.publish(job(b"once", reply_to=place.prefix + own), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs, broker.subscribe(DEAD_JOBS, prefetch=10) as dead:
        [received] = await take(jobs, 1)

        assert await broker.reply(received, b"loop", timeout=SOON) is False
        assert await jobs.receive(limit=10, wait=MOMENT) == []
        assert await dead.receive(limit=10, wait=0) == []


async def test_reply_to_a_queue_that_vanished_disturbs_nothing(place: Place) -> None:
    broker = await place.broker()
    inbox = f"{place.prefix}inbox"
    place.stranger.declare(inbox)
    await broker.publish_many(
        [job(b"1", reply_to=f"{place.prefix}gone"), job(b"2", reply_to=inbox), job(b"3")],
        exchange=CLIPWIRE,
        timeout=SOON,
    )

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        vanished, present, silent = await take(jobs, 3)
        assert await broker.reply(vanished, b"lost", timeout=SOON) is True
        assert await broker.reply(silent, b"not asked", timeout=SOON) is False
        assert await broker.reply(present, b"heard", timeout=SOON) is True

        assert (await eventually(lambda: place.stranger.get(inbox))).body == b"heard"
        for received in (vanished, present, silent):
            await received.ack()


async def test_dead_letter_keeps_the_message_and_says_why(place: Place) -> None:
    broker = await place.broker()
    bad = job(b"\xff not json", message_id="m-1", correlation_id="c-1", headers={"tenant": "a"}, persistent=False)
    await broker.publish(bad, exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs, broker.subscribe(DEAD_JOBS, prefetch=10) as dead:
        [received] = await take(jobs, 1)
        await broker.dead_letter(received, reason="not JSON" + "!" * 10_000, timeout=SOON)
        await received.ack()
        [letter] = await take(dead, 1)

    assert letter.message.body == bad.body
    assert (letter.message.message_id, letter.message.correlation_id) == ("m-1", "c-1")
    assert letter.message.headers["tenant"] == "a"
    assert letter.message.headers["x-clipwire-routing-key"] == "post.requested"
    reason = letter.message.headers["x-clipwire-reason"]
    assert isinstance(reason, str)
    assert reason.startswith("not JSON!")
    assert len(reason) == 500
    assert letter.message.persistent


async def test_dead_letter_goes_nowhere_else_whatever_its_headers_ask(place: Place) -> None:
    broker = await place.broker()
    jobs_queue = Names(place.prefix).of(JOBS)
    await broker.publish(job(b"loop", headers={"BCC": []}), exchange=CLIPWIRE, timeout=SOON)
    await broker.publish(job(b"loop", headers={"CC": [jobs_queue]}), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs, broker.subscribe(DEAD_JOBS, prefetch=10) as dead:
        for received in await take(jobs, 2):
            await broker.dead_letter(received, reason="bad", timeout=SOON)
            await received.ack()

        assert [letter.message.headers.get("CC") for letter in await take(dead, 2)] == [None, None]
        assert await jobs.receive(limit=10, wait=MOMENT) == []


async def test_dead_letter_queue_that_was_deleted_is_made_again(place: Place) -> None:
    broker = await place.broker()
    await broker.publish(job(b"bad"), exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        place.stranger.delete(Names(place.prefix).of(DEAD_JOBS))
        await broker.dead_letter(received, reason="bad", timeout=SOON)

    async with broker.subscribe(DEAD_JOBS, prefetch=10) as dead:
        assert (await take(dead, 1))[0].message.body == b"bad"


async def test_prefixes_do_not_meet(place: Place) -> None:
    mine, theirs = await place.broker(), await place.broker(prefix=place.other_prefix)
    await mine.publish(job(b"mine"), exchange=CLIPWIRE, timeout=SOON)
    await theirs.publish(job(b"theirs"), exchange=CLIPWIRE, timeout=SOON)

    async with mine.subscribe(JOBS, prefetch=10) as jobs, theirs.subscribe(JOBS, prefetch=10) as other_jobs:
        assert [each.message.body for each in await take(jobs, 1)] == [b"mine"]
        assert [each.message.body for each in await take(other_jobs, 1)] == [b"theirs"]
        assert await jobs.receive(limit=10, wait=MOMENT) == []
        assert await other_jobs.receive(limit=10, wait=0) == []


async def test_closed_broker_answers_at_once(place: Place) -> None:
    broker = await place.broker()
    await broker.publish(job(reply_to=f"{place.prefix}{uuid4().hex}"), exchange=CLIPWIRE, timeout=SOON)
    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)

    await broker.close()

    assert not broker.connected
    with pytest.raises(Unavailable):
        await broker.publish(job(), exchange=CLIPWIRE, timeout=60)
    [verdict] = await broker.publish_many([job()], exchange=CLIPWIRE, timeout=60)
    assert isinstance(verdict, Unavailable)
    with pytest.raises(Unavailable):
        await broker.dead_letter(received, reason="late", timeout=60)
    assert await broker.reply(received, b"late", timeout=60) is False
    await broker.ring("posts")


async def test_broker_is_not_connected_before_it_is_started(place: Place) -> None:
    broker = place.make(place.prefix)

    assert not broker.connected
    with pytest.raises(RuntimeError, match="start"):
        async with broker.subscribe(JOBS, prefetch=1):
            pass
