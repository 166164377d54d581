"""What the RabbitMQ adapter does when the network or the server misbehaves."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from broker_place import SOON, RabbitPlace, job, take
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs
from tcp_proxy import TcpProxy

from libs.broker.errors import Stale, Unavailable
from libs.broker.topology import CLIPWIRE, JOBS, Names
from tests.eventually import eventually

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
async def wire(rabbitmq_url: str) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(rabbitmq_url) as wire:
        yield wire


async def test_starting_does_not_wait_for_a_server_that_is_down(rabbit: RabbitPlace, wire: TcpProxy) -> None:
    await wire.shut()
    broker = rabbit.through(wire.url_through)

    async with asyncio.timeout(SOON):  # waiting for it would take until the proxy opens
        await rabbit.started(broker)
    assert not broker.connected

    await wire.open()
    await eventually(lambda: broker.connected)
    await broker.publish(job(), exchange=CLIPWIRE, timeout=SOON)


async def test_publish_during_an_outage_is_unavailable_within_its_timeout(rabbit: RabbitPlace, wire: TcpProxy) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))
    await wire.shut()
    await eventually(lambda: not broker.connected)

    async with asyncio.timeout(SOON):  # without one of its own it would take until the proxy opens
        with pytest.raises(Unavailable):
            await broker.publish(job(), exchange=CLIPWIRE, timeout=0.1)
        verdicts = await broker.publish_many([job(), job()], exchange=CLIPWIRE, timeout=0.1)
    assert [type(verdict) for verdict in verdicts] == [Unavailable, Unavailable]

    await wire.open()
    await broker.publish(job(b"after"), exchange=CLIPWIRE, timeout=SOON)


async def test_publish_waits_out_an_outage_shorter_than_its_timeout(rabbit: RabbitPlace, wire: TcpProxy) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))
    await wire.shut()
    await eventually(lambda: not broker.connected)

    publishing = asyncio.create_task(broker.publish(job(), exchange=CLIPWIRE, timeout=SOON))
    await wire.open()

    await publishing


async def test_unconfirmed_publish_is_unavailable_as_soon_as_the_connection_breaks(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))
    wire.freeze()
    publishing = asyncio.create_task(broker.publish_many([job(), job()], exchange=CLIPWIRE, timeout=60))
    await asyncio.wait({publishing}, timeout=0.05)

    wire.cut()

    async with asyncio.timeout(SOON):
        verdicts = await publishing
    assert [type(verdict) for verdict in verdicts] == [Unavailable, Unavailable]


@pytest.mark.waits_long
async def test_closing_is_quick_in_a_dead_network_and_ends_the_publishes_that_still_wait(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    unconfirmed = await rabbit.connected(rabbit.through(wire.url_through))
    wire.freeze()
    unconnected = rabbit.through(wire.url_through)
    await rabbit.started(unconnected)
    both = (unconfirmed, unconnected)
    publishing = [asyncio.create_task(each.publish(job(), exchange=CLIPWIRE, timeout=60)) for each in both]
    await asyncio.wait(publishing, timeout=0.05)

    async with asyncio.timeout(5):
        await asyncio.gather(*(each.close() for each in both))

    done, waiting = await asyncio.wait(publishing, timeout=0)
    assert not waiting
    assert [type(each.exception()) for each in done] == [Unavailable, Unavailable]


async def test_cancelled_publish_stays_cancelled_while_the_connection_breaks(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))
    wire.freeze()
    publishing = asyncio.create_task(broker.publish(job(), exchange=CLIPWIRE, timeout=60))
    await asyncio.wait({publishing}, timeout=0.05)

    publishing.cancel()
    wire.cut()

    with pytest.raises(asyncio.CancelledError):
        await publishing


async def test_subscription_resumes_and_what_was_in_hand_is_stale_and_comes_again(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))
    await broker.publish_many([job(b"in hand"), job(b"in the buffer")], exchange=CLIPWIRE, timeout=SOON)

    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        [old] = await take(jobs, 1)
        both_reconnected = wire.accepted + 2
        wire.cut()
        await eventually(lambda: wire.accepted >= both_reconnected)

        with pytest.raises(Stale):
            await old.ack()
        again = await take(jobs, 2)
        assert {each.message.body for each in again} == {b"in hand", b"in the buffer"}
        assert next(each for each in again if each.message.body == b"in hand").redelivered
        for each in again:
            await each.ack()

        await broker.publish(job(b"new"), exchange=CLIPWIRE, timeout=SOON)
        assert [each.message.body for each in await take(jobs, 1)] == [b"new"]


async def test_many_cuts_under_load_lose_nothing_that_was_confirmed(rabbit: RabbitPlace, wire: TcpProxy) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))
    confirmed: set[bytes] = set()
    handled: set[bytes] = set()

    async def produce() -> None:
        for n in range(150):
            body = b"%d" % n
            [verdict] = await broker.publish_many([job(body)], exchange=CLIPWIRE, timeout=SOON)
            if verdict is None:
                confirmed.add(body)
            if n % 30 == 15:
                wire.cut()

    async with broker.subscribe(JOBS, prefetch=20) as jobs:

        async def consume() -> None:
            while True:
                for received in await jobs.receive(limit=10, wait=SOON):
                    handled.add(received.message.body)
                    try:
                        await received.ack()
                    except Stale:
                        continue

        consuming = asyncio.create_task(consume())
        await produce()
        await eventually(lambda: confirmed <= handled)
        consuming.cancel()

    assert len(confirmed) >= 140


@pytest.mark.waits_long
async def test_dead_network_is_noticed_by_heartbeats_and_everything_comes_back(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through, heartbeat=1))

    async with broker.subscribe(JOBS, prefetch=10) as jobs, broker.listen("posts") as bell:
        await eventually(lambda: broker.connected)
        wire.freeze()
        with pytest.raises(Unavailable):
            await broker.publish(job(b"lost?"), exchange=CLIPWIRE, timeout=0.2)
        await broker.ring("posts")

        await eventually(lambda: not broker.connected, timeout=15)
        wire.cut()
        wire.thaw()

        async def published() -> bool:
            try:
                await broker.publish(job(b"after"), exchange=CLIPWIRE, timeout=SOON)
            except Unavailable:  # a machine that is too busy for a heartbeat a second loses the connection once more
                return False
            return True

        await eventually(published, timeout=30)
        assert b"after" in {each.message.body for each in await take(jobs, 1)}
        assert await bell.wait(SOON)


async def test_listener_rings_once_after_a_reconnect_because_it_may_have_missed_one(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    broker = await rabbit.connected(rabbit.through(wire.url_through))

    async with broker.listen("posts") as bell:
        wire.cut()
        assert await bell.wait(SOON)
        assert not await bell.wait(0.1)

        await eventually(lambda: broker.connected)
        await broker.ring("posts")
        assert await bell.wait(SOON)


async def test_listening_while_the_server_is_down_times_out_and_works_later(
    rabbit: RabbitPlace, wire: TcpProxy
) -> None:
    await wire.shut()
    broker = rabbit.through(wire.url_through)
    await rabbit.started(broker)

    async with broker.listen("posts") as bell:
        assert not await bell.wait(0.05)
        await broker.ring("posts")

        await wire.open()
        assert await bell.wait(SOON)


async def test_consumer_whose_queue_is_deleted_declares_and_consumes_it_again(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    async with broker.subscribe(JOBS, prefetch=10) as jobs:
        await eventually(lambda: broker.connected)

        rabbit.stranger.delete(Names(rabbit.prefix).of(JOBS))

        async def published() -> bool:
            return await broker.publish_many([job(b"after")], exchange=CLIPWIRE, timeout=SOON) == [None]

        await eventually(published)
        assert [each.message.body for each in await take(jobs, 1)] == [b"after"]


async def test_exchange_that_is_deleted_is_declared_again(rabbit: RabbitPlace) -> None:
    broker = await rabbit.broker()
    rabbit.stranger.channel.exchange_delete(Names(rabbit.prefix).of(CLIPWIRE))

    with pytest.raises(Unavailable, match="NOT_FOUND"):
        await broker.publish(job(), exchange=CLIPWIRE, timeout=SOON)

    await broker.publish(job(), exchange=CLIPWIRE, timeout=SOON)


async def test_queue_with_other_arguments_is_reported_with_a_remedy_and_tried_until_it_is_mended(
    rabbit: RabbitPlace,
) -> None:
    queue = Names(rabbit.prefix).of(JOBS)
    rabbit.stranger.declare(queue, {"x-max-length": 3})
    with capture_logs() as logs:
        broker = rabbit.make(rabbit.prefix)
        await rabbit.started(broker)
        lost = await eventually(lambda: [each for each in logs if each["event"] == "broker.channel_lost"])

    assert not broker.connected
    assert lost[0]["log_level"] == "error"
    assert "PRECONDITION_FAILED" in lost[0]["error"]
    assert "delete it" in lost[0]["remedy"]

    rabbit.stranger.delete(queue)
    await eventually(lambda: broker.connected)


async def test_no_password_is_logged(wire: TcpProxy, rabbit: RabbitPlace, caplog: pytest.LogCaptureFixture) -> None:
    secret = "hunter2hunter2"
    url = wire.url_through.replace("guest:guest@", f"nobody:{secret}@")
    with capture_logs() as logs, caplog.at_level("DEBUG"):
        broker = rabbit.through(url)
        await rabbit.started(broker)
        refused = await eventually(lambda: [each for each in logs if each["event"] == "broker.connect_failed"])
        await wire.shut()
        await eventually(lambda: len(logs) > len(refused) + 1)
        await broker.close()

    assert "user and password" in refused[0]["remedy"]
    assert secret not in repr(logs)
    assert secret not in caplog.text
    assert secret not in repr(vars(broker))


async def test_tls_is_verified(rabbit: RabbitPlace, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with TcpProxy(rabbit.url, tls=tls) as wire:
        with capture_logs() as logs:
            await rabbit.started(rabbit.through(wire.url_through))
            refused = await eventually(lambda: [each for each in logs if each["event"] == "broker.connect_failed"])
        assert "CERTIFICATE_VERIFY_FAILED" in refused[0]["error"]
        assert "cafile" in refused[0]["remedy"]

        trusting = await rabbit.connected(rabbit.through(f"{wire.url_through}?cafile={certificate}"))
        await trusting.publish(job(b"x" * 300_000), exchange=CLIPWIRE, timeout=SOON)
        async with trusting.subscribe(JOBS, prefetch=1) as jobs:
            assert len((await take(jobs, 1))[0].message.body) == 300_000


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    at = folder / "certificate.pem", folder / "key.pem"
    at[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    at[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return at
