"""What the RabbitMQ adapter makes of messages and queues that others made."""

import pika
import pytest
from broker_place import SOON, RabbitPlace, job, take

from libs.broker.errors import Refused
from libs.broker.message import Message
from libs.broker.topology import CLIPWIRE, DEAD_JOBS, JOBS, topic_matches
from tests.eventually import eventually

pytestmark = pytest.mark.rabbitmq

MICROSECONDS = 1_700_000_000_000_000


async def test_job_of_a_stranger_arrives(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    rabbit.stranger.publish(
        "post.requested",
        b'{"kind":"video"}',
        pika.BasicProperties(message_id="m-1", reply_to="inbox", correlation_id="c-1", headers={"a": [1, {"b": None}]}),
    )

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        assert received.message.body == b'{"kind":"video"}'
        assert (received.message.message_id, received.message.reply_to) == ("m-1", "inbox")
        assert received.message.correlation_id == "c-1"
        assert received.message.headers == {"a": [1, {"b": None}]}
        assert received.message.content_type is None


@pytest.mark.parametrize(
    ("properties", "expected_id"),
    [
        (pika.BasicProperties(message_id="m-1", timestamp=MICROSECONDS), "m-1"),
        (pika.BasicProperties(message_id=b"\xff\xfe", correlation_id="c-1"), None),  # type: ignore[arg-type]
        (pika.BasicProperties(message_id="m-1", headers={"nested": {"when": 2**62}}, timestamp=2**63), "m-1"),
        (pika.BasicProperties(message_id="", correlation_id=""), None),
    ],
    ids=["timestamp in microseconds", "id that is not UTF-8", "timestamp beyond all time", "empty"],
)
async def test_unreadable_properties_stop_no_consumer(
    rabbit: RabbitPlace, properties: pika.BasicProperties, expected_id: str | None
) -> None:
    broker = await rabbit.broker()
    rabbit.stranger.publish("post.requested", b"odd", properties)
    rabbit.stranger.publish("post.requested", b"next")

    async with broker.subscribe(JOBS, prefetch=10) as jobs, broker.subscribe(DEAD_JOBS, prefetch=10) as dead:
        odd, following = await take(jobs, 2)
        assert (odd.message.body, odd.redelivered) == (b"odd", False)
        assert odd.message.message_id == expected_id
        assert following.message.body == b"next"

        await broker.dead_letter(odd, reason="odd", timeout=SOON)
        await odd.ack()
        await following.ack()
        assert (await take(dead, 1))[0].message.body == b"odd"


async def test_dead_letter_whose_headers_fill_a_frame_is_kept_without_them(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    rabbit.stranger.publish("post.requested", b"big", pika.BasicProperties(headers={"h": "x" * 131_000}))

    async with broker.subscribe(JOBS, prefetch=10) as jobs, broker.subscribe(DEAD_JOBS, prefetch=10) as dead:
        [received] = await take(jobs, 1)
        await broker.dead_letter(received, reason="bad", timeout=SOON)
        [letter] = await take(dead, 1)

    assert letter.message.body == b"big"
    assert letter.message.headers["x-clipwire-reason"] == "bad"
    assert letter.message.headers["x-clipwire-headers-dropped"] is True
    assert "h" not in letter.message.headers


async def test_headers_beyond_a_frame_are_refused_and_harm_no_neighbour(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    odd = job(headers={"h": object()})  # type: ignore[dict-item]
    large = job(headers={"h": "x" * 140_000})

    verdicts = await broker.publish_many([job(), large, odd, job()], exchange=CLIPWIRE, timeout=SOON)

    assert [type(verdict) for verdict in verdicts] == [type(None), Refused, Refused, type(None)]


async def test_full_queue_that_rejects_is_a_refusal(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    queue = f"{rabbit.prefix}full"
    rabbit.stranger.declare(queue, {"x-max-length": 1, "x-overflow": "reject-publish"})
    rabbit.stranger.bind(queue, "event.#")
    event = Message(body=b"", routing_key="event.post.published")
    await broker.publish(event, exchange=CLIPWIRE, timeout=SOON)

    with pytest.raises(Refused):
        await broker.publish(event, exchange=CLIPWIRE, timeout=SOON)


async def test_direct_reply_to_is_answered(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    channel = rabbit.stranger.connection.channel()
    answers: list[bytes] = []
    channel.basic_consume("amq.rabbitmq.reply-to", lambda *delivery: answers.append(delivery[3]), auto_ack=True)
    properties = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="c-1")
    channel.basic_publish(f"{rabbit.prefix}clipwire", "post.requested", b"{}", properties)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [received] = await take(jobs, 1)
        assert await broker.reply(received, b"answer", timeout=SOON) is True

    def answered() -> list[bytes]:
        rabbit.stranger.connection.process_data_events(time_limit=0)
        return answers

    assert await eventually(answered) == [b"answer"]


async def test_topic_rule_of_the_memory_bus_is_rabbitmqs(rabbit: RabbitPlace) -> None:
    await rabbit.broker()
    channel, queue = rabbit.stranger.channel, f"{rabbit.prefix}topics"
    rabbit.stranger.declare(queue)
    for pattern in ("", "#", "*", "a", "a.*", "a.#", "#.a", "*.#", "*.a.#", "#.#", "a.#.b", "a.", "."):
        channel.queue_bind(queue, f"{rabbit.prefix}clipwire", pattern)
        for key in ("", "a", "a.b", "a.b.a", "a.", "..", "b.a", "a..b", "a.c.d.b"):
            rabbit.stranger.publish(key, b"")
            taken = rabbit.stranger.get(queue) is not None
            assert taken is topic_matches(pattern, key), (pattern, key)
        channel.queue_unbind(queue, f"{rabbit.prefix}clipwire", pattern)


@pytest.mark.parametrize("address", ["amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.forged.key", "x" * 255])
async def test_reply_address_that_cannot_be_reached_disturbs_nothing(rabbit: RabbitPlace, address: str) -> None:
    broker = await rabbit.broker()
    inbox = f"{rabbit.prefix}inbox"
    rabbit.stranger.declare(inbox)
    await broker.publish_many([job(b"1", reply_to=inbox), job(b"2")], exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        good, _ = await take(jobs, 2)
        forged = _Forged(job(reply_to=address))
        await broker.reply(forged, b"lost", timeout=SOON)

        async def arrives() -> Message | None:
            await broker.reply(good, b"heard", timeout=SOON)
            return rabbit.stranger.get(inbox)

        assert (await eventually(arrives)).body == b"heard"
        await good.ack()


class _Forged:
    """A delivery with an address RabbitMQ would have rewritten or refused at the door."""

    redelivered = False

    def __init__(self, message: Message) -> None:
        self.message = message

    async def ack(self) -> None: ...

    async def nack(self, *, requeue: bool = True) -> None: ...
