"""The scanner for leaked secrets sees them: an empty list of leaks means that there are none."""

import asyncpg
import pytest

from bench.campaign.leak_broker import ANSWERS, carried, overhearing
from bench.campaign.leak_scan import Place, Secret, dump, scan
from libs.broker.memory import MemoryBroker
from libs.broker.message import Message
from libs.broker.topology import CLIPWIRE, JOBS, POST_REQUESTED

KEY = Secret("API key", "cw_Zb1kq0-VtY7dJ8yqX2mWc4rT9aPo3LsE5uHgN6iFv_Q", frozenset({"answer 1"}))
SIGNATURE = Secret("signed URL", "https://a.example/?sig=a%2Fb+c/d")


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (KEY, "why='refused cw_Zb1kq0-VtY7dJ8yqX2mWc4rT9aPo3LsE5uHgN6iFv_Q'"),
        (KEY, "cut at its end: cw_Zb1kq0-VtY7dJ8yqX2…"),
        (KEY, "cut at its beginning: T9aPo3LsE5uHgN6iFv_Q"),
        (SIGNATURE, "next=https%3A%2F%2Fa.example%2F%3Fsig%3Da%252Fb%2Bc%2Fd&x=1"),
    ],
)
def test_a_secret_is_found_whole_cut_and_encoded(secret: Secret, text: str) -> None:
    [leak] = scan([secret], [Place("log", text.encode())])

    assert (leak.place, leak.kind) == ("log", secret.kind)


def test_what_shows_a_secret_once_may_and_nothing_else() -> None:
    places = [Place(name, KEY.value.encode()) for name in ("answer 1", "answer 2")]

    assert [leak.place for leak in scan([KEY], places)] == ["answer 2"]


async def test_every_column_of_every_table_is_read_as_it_is(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    for n, (kind, value) in enumerate(
        (("text", KEY.value), ("bytea", KEY.value.encode()), ("jsonb", f'["{KEY.value}"]'))
    ):
        await connection.execute(f"create table planted_{n} (n int, here {kind})")
        await connection.execute(f"insert into planted_{n} values (1, $1)", value)
    await connection.close()

    places = await dump(database_url)

    assert {leak.place for leak in scan([KEY], places)} == {"table planted_0", "table planted_1", "table planted_2"}
    assert {"table accounts", "table receipts_default", "table audit"} <= {place.name for place in places}


async def test_what_the_broker_is_given_is_looked_into_but_for_what_senders_sent() -> None:
    bus = overhearing()
    broker = MemoryBroker(bus, prefix="")
    await broker.start()
    secret, job = KEY.value, f'{{"access_token": "{KEY.value}"}}'.encode()
    asked = Message(body=job, routing_key=POST_REQUESTED, message_id="m1", correlation_id="m1", reply_to=ANSWERS)
    await broker.publish(asked, exchange=CLIPWIRE, timeout=1)
    async with broker.subscribe(JOBS, prefetch=1) as jobs:
        [received] = await jobs.receive(limit=1, wait=1)
        await broker.dead_letter(received, reason=f"wrong: {secret}", timeout=1)
        assert await broker.reply(received, secret.encode(), timeout=1)
        await received.ack()
    await broker.publish(Message(body=secret.encode(), routing_key="event.x"), exchange=CLIPWIRE, timeout=1)

    places, wrong = carried(bus, sent={job})

    assert wrong == [], "its sender's bytes, as they were"
    assert [place.name.split()[1] for place in places] == ["event.x", "answer", "dead"]
    assert len(scan([KEY], places)) == 3, "in an event, in an answer, and in what we wrote on a dead job"
    assert all(job not in place.content for place in places)


async def test_a_dead_job_that_nobody_sent_so_is_told() -> None:
    bus = overhearing()
    broker = MemoryBroker(bus, prefix="")
    await broker.start()
    await broker.publish(Message(body=b"{}", routing_key=POST_REQUESTED), exchange=CLIPWIRE, timeout=1)
    async with broker.subscribe(JOBS, prefetch=1) as jobs:
        [received] = await jobs.receive(limit=1, wait=1)
        await broker.dead_letter(received, reason="wrong", timeout=1)

    _, wrong = carried(bus, sent={b"[]"})

    assert len(wrong) == 1
