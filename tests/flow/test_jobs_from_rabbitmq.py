"""Jobs that an independent AMQP client publishes: posts, answers, dead letters, and events on the way back."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from amqp_stranger import AmqpStranger
from flow_house import Guest, Stage, open_stage
from structlog.testing import capture_logs

from libs.broker.message import Message
from libs.broker.topology import CLIPWIRE
from tests.eventually import eventually
from tests.strangers import delete_declared

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.rabbitmq]

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def prefix(rabbitmq_url: str) -> Iterator[str]:
    prefix = f"test-{secrets.token_hex(6)}."
    yield prefix
    delete_declared(rabbitmq_url, prefix)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory, rabbitmq_url: str, prefix: str
) -> AsyncIterator[Stage]:
    async with open_stage(
        module_database_url, tmp_path_factory.mktemp("house"), RABBITMQ_URL=rabbitmq_url, RABBITMQ_PREFIX=prefix
    ) as stage:
        await eventually(lambda: stage.house.broker.connected, timeout=20)
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger(stage: Stage, rabbitmq_url: str, prefix: str) -> AsyncIterator[AmqpStranger]:
    async with AmqpStranger(rabbitmq_url, prefix=prefix) as stranger:
        yield stranger


def job(guest: Guest, **request: Any) -> dict[str, Any]:
    """A good one; None takes a field out."""
    usual = {
        "customer_id": guest.customer_id,
        "account_id": guest.account_id,
        "kind": "video",
        "media": [f"{guest.stage.urls['simulator']}/_sim/sample.mp4"],
        "privacy_level": "SELF_ONLY",
        "title": f"job {next(guest.stage.count)}",
    }
    return {name: value for name, value in (usual | request).items() if value is not None}


async def posts_of(guest: Guest) -> list[str]:
    found = (await guest.stage.api("GET", f"posts?customer_id={guest.customer_id}"))["data"]
    return [post["id"] for post in found]


# Good ones


async def test_a_job_becomes_a_published_post_and_its_answer_names_it(
    stage: Stage, guest: Guest, stranger: AmqpStranger
) -> None:
    answer = await stranger.ask(job(guest, metadata={"order": "17"}))

    post = await stage.until(answer["post_id"], "published")
    assert answer == {"accepted": True, "post_id": post["id"]}
    assert post["request"]["metadata"] == {"order": "17"}
    assert await posts_of(guest) == [post["id"]]
    assert "post.published" in await guest.heard()


async def test_the_same_message_again_is_the_same_post(stage: Stage, guest: Guest, stranger: AmqpStranger) -> None:
    body, message_id = job(guest), uuid4().hex

    answers = [await stranger.ask(body, message_id=message_id) for _ in range(3)]
    await stage.until(answers[0]["post_id"], "published")
    answers.append(await stranger.ask(body, message_id=message_id))

    assert answers == [answers[0]] * 4
    assert len(await posts_of(guest)) == 1
    assert [found["published"] for found in await stage.publications(guest)] == [1]


async def test_copies_at_the_same_time_are_the_same_post(guest: Guest, stranger: AmqpStranger) -> None:
    body, message_id = job(guest), uuid4().hex

    answers = await asyncio.gather(*(stranger.ask(body, message_id=message_id) for _ in range(10)))

    assert len({answer["post_id"] for answer in answers}) == 1
    assert len(await posts_of(guest)) == 1


async def test_the_same_message_id_with_another_body_is_a_conflict_that_names_the_post(
    guest: Guest, stranger: AmqpStranger
) -> None:
    body, message_id = job(guest), uuid4().hex
    first = await stranger.ask(body, message_id=message_id)

    second = await stranger.ask(body | {"title": "another"}, message_id=message_id)

    assert second["accepted"] is False
    assert (second["problem"]["code"], second["problem"]["post_id"]) == ("idempotency_conflict", first["post_id"])
    assert message_id in await stranger.dead()
    assert len(await posts_of(guest)) == 1


async def test_a_key_in_the_body_counts_before_the_message_id(guest: Guest, stranger: AmqpStranger) -> None:
    body = job(guest, idempotency_key=f"order {guest.name}")

    answers = [await stranger.ask(body), await stranger.ask(body), await stranger.ask(body, message_id=None)]

    assert len({answer["post_id"] for answer in answers}) == 1


async def test_the_rest_door_and_the_queue_share_one_set_of_keys(guest: Guest, stranger: AmqpStranger) -> None:
    body = job(guest, idempotency_key=f"both doors {guest.name}")
    by_queue = await stranger.ask(body)

    by_rest = await guest.stage.api("POST", "posts", body, status=200)

    assert by_rest["id"] == by_queue["post_id"]


async def test_several_accounts_are_a_batch_that_completes_once(
    stage: Stage, guest: Guest, stranger: AmqpStranger
) -> None:
    banned = await stage.connect(guest.customer_id, username=f"{guest.name}b", banned=True)
    third = await stage.connect(guest.customer_id, username=f"{guest.name}c")
    accounts = [guest.account_id, banned["id"], third["id"]]

    answer = await stranger.ask(job(guest, account_id=None, account_ids=accounts))

    assert answer["accepted"] is True
    for post_id in answer["post_ids"]:
        post = await stage.get(post_id)
        assert post["batch_id"] == answer["batch_id"]
        await stage.until(post_id, "failed" if post["account_id"] == banned["id"] else "published")
    await guest.heard()
    [completed] = await guest.inbox("batch.completed")
    data = completed["json"]["data"]
    assert (data["batch_id"], data["total"]) == (answer["batch_id"], 3)
    assert data["states"] == {"published": 2, "failed": 1}


async def test_a_job_without_a_return_address_is_just_done(stage: Stage, guest: Guest, stranger: AmqpStranger) -> None:
    await stranger.publish(job(guest))

    [post_id] = await eventually(lambda: posts_of(guest))
    await stage.until(post_id, "published")


# Bad ones


def bad_jobs(guest: Guest) -> dict[str, tuple[bytes, list[str]]]:
    """Name → (raw body, the fields that the answer must name)."""
    good = job(guest)

    def like(**request: Any) -> bytes:
        return json.dumps(good | request).encode()

    def without(*names: str) -> bytes:
        return json.dumps({name: value for name, value in good.items() if name not in names}).encode()

    nested: Any = "x"
    for _ in range(300):
        nested = {"a": nested}
    stranger_account = "acc_00000000000000000000000000"
    return {
        "not JSON": (b"account_id=1", [""]),
        "cut short": (like()[:-7], [""]),
        "nothing": (b"", [""]),
        "not UTF-8": (b'{"title":"\xff"}', [""]),
        "a list": (b"[]", [""]),
        "text": (b'"post"', [""]),
        "too large": (like(title="x" * MEGABYTE), [""]),
        "a lone surrogate": (like().replace(b'"title": "', rb'"title": "\ud800'), [""]),
        "NUL in the caption": (like(title="a\0b"), ["title"]),
        "NUL deep inside": (like(metadata={"a": ["\0"]}), ["metadata"]),
        "nested 300 deep": (like(metadata=nested), ["metadata"]),
        "nested beyond all readers": (b"[" * 200_000, [""]),
        "unknown fields": (like(titel="typo", visibility=1), ["titel", "visibility"]),
        "no privacy_level": (without("privacy_level"), ["privacy_level"]),
        "no customer": (without("customer_id"), ["customer_id"]),
        "a customer who does not exist": (like(customer_id="cus_00000000000000000000000000"), ["customer_id"]),
        "a customer that is a number": (like(customer_id=7), ["customer_id"]),
        "an account that does not exist": (like(account_id=stranger_account), ["account_id"]),
        "no account": (without("account_id"), ["account_id"]),
        "both kinds of account": (like(account_ids=[guest.account_id]), ["account_id"]),
        "one account twice": (
            json.dumps(good | {"account_ids": [guest.account_id] * 2, "account_id": None}).encode(),
            ["account_ids"],
        ),
        "one account of two unknown": (
            json.dumps(good | {"account_ids": [guest.account_id, stranger_account], "account_id": None}).encode(),
            ["account_ids.1"],
        ),
        "no media": (without("media"), ["media"]),
        "media of another kind": (like(media=["ftp://x/y.mp4"]), ["media.0"]),
        "media that do not exist": (like(media=["med_00000000000000000000000000"]), ["media.0"]),
        "an enum that is none": (like(privacy_level="PUBLIC"), ["privacy_level"]),
        "a caption too long": (like(title="🎬" * 1101), ["title"]),
        "a number where text belongs": (like(title=7), ["title"]),
        "a huge integer": (like(video_cover_timestamp_ms=10**30), ["video_cover_timestamp_ms"]),
        "a time without an offset": (like(publish_at="2027-01-01T10:00:00"), ["publish_at"]),
        "an empty key": (like(idempotency_key=""), ["idempotency_key"]),
        "everything wrong at once": (
            like(kind="film", media=[], privacy_level=None, titel="x", customer_id="me"),
            ["customer_id", "kind", "media", "privacy_level", "titel"],
        ),
        "and what only the store knows": (
            like(account_id=stranger_account, media=["med_00000000000000000000000000"], titel="x", title="x" * 2201),
            ["account_id", "media.0", "titel", "title"],
        ),
        "a customer who does not exist, and more": (
            like(customer_id="cus_00000000000000000000000000", titel="x"), ["customer_id", "titel"],
        ),
        "a cloud's metadata for a video": (like(media=["https://169.254.169.254/latest"]), ["media.0"]),
        "a password for a video": (like(media=["https://u:p@cdn.example.com/a.mp4"], titel=1), ["media.0", "titel"]),
        "too late already": (like(publish_before="2001-01-01T00:00:00Z"), ["publish_before"]),
    }  # fmt: skip


async def test_bad_jobs_are_answered_kept_and_told_and_disturb_no_good_one(
    stage: Stage, guest: Guest, stranger: AmqpStranger
) -> None:
    await stranger.dead()
    table = {uuid4().hex: (name, *row) for name, row in bad_jobs(guest).items()}
    good = [job(guest) for _ in range(20)]
    wave = [(message_id, body) for message_id, (_, body, _) in table.items()]
    for place, body in enumerate(good):
        wave.insert(place * 2, (uuid4().hex, json.dumps(body).encode()))

    answers = await asyncio.gather(*(stranger.ask(body, message_id=message_id) for message_id, body in wave))

    by_id = dict(zip((message_id for message_id, _ in wave), answers, strict=True))
    wrong = {}
    for message_id, (name, _, fields) in table.items():
        problem = by_id[message_id].get("problem", {})
        named = sorted({error["field"] for error in problem.get("errors", [])})
        if by_id[message_id]["accepted"] or named != sorted(fields) or not all(e["detail"] for e in problem["errors"]):
            wrong[name] = named
    assert wrong == {}
    await everything_of(stage, guest, published=20)
    dead = await stranger.dead()
    assert {name for name, *_ in table.values()} == {table[message_id][0] for message_id in dead}
    for message_id, letter in dead.items():
        assert letter.body == table[message_id][1]
        reason = letter.properties.headers["x-clipwire-reason"]
        assert reason.startswith("invalid_request: ")
        assert all(error["detail"] in reason for error in by_id[message_id]["problem"]["errors"])
    assert await stranger.depth("publisher.jobs") == 0


async def everything_of(stage: Stage, guest: Guest, *, published: int) -> None:
    """That many posts of the guest go out, six a minute, and there are no others."""

    async def done() -> bool:
        await stage.quiet()
        posts = (await stage.api("GET", f"posts?customer_id={guest.customer_id}&limit=200"))["data"]
        assert len(posts) == published
        states = [post["state"] for post in posts]
        if set(states) != {"published"}:
            await stage.advance(62)
        return set(states) == {"published"}

    await guest.creator(daily_post_cap=1000)
    await eventually(done, timeout=30)


async def test_a_customer_who_is_named_hears_of_the_rejection_once(
    stage: Stage, guest: Guest, stranger: AmqpStranger
) -> None:
    body, message_id = job(guest, titel="typo"), uuid4().hex

    for _ in range(2):
        assert (await stranger.ask(body, message_id=message_id))["accepted"] is False

    assert await guest.heard() == ["post.rejected"]
    [told] = await guest.inbox("post.rejected")
    assert told["json"]["data"]["message_id"] == message_id
    assert told["json"]["data"]["problem"]["errors"][0]["field"] == "titel"


async def test_a_job_without_any_key_is_refused(guest: Guest, stranger: AmqpStranger) -> None:
    answer = await stranger.ask(job(guest), message_id=None)

    [error] = answer["problem"]["errors"]
    assert (error["field"], error["code"]) == ("idempotency_key", "required")
    assert await posts_of(guest) == []
    more = await stranger.ask(job(guest, titel=1, account_id="acc_x"), message_id=None)
    assert {error["field"] for error in more["problem"]["errors"]} == {"idempotency_key", "titel", "account_id"}


@pytest.mark.parametrize("message_id", ["a\0b", "\u202e世界 🎬", "x" * 255, " ", "'; drop table posts; --"])
async def test_an_odd_message_id_is_taken_or_refused_and_never_comes_round_again(
    stage: Stage, guest: Guest, stranger: AmqpStranger, message_id: str
) -> None:
    answer = await stranger.ask(job(guest), message_id=message_id)

    assert answer["accepted"] is ("\0" not in message_id)
    good = await stranger.ask(job(guest))
    assert good["accepted"] is True
    await eventually(lambda: empty(stranger))
    assert (message_id in await stranger.dead()) is not answer["accepted"]


async def empty(stranger: AmqpStranger) -> bool:
    return await stranger.depth("publisher.jobs") == 0


@pytest.mark.parametrize("queue", ["publisher.jobs", "publisher.jobs.dead"])
async def test_an_answer_is_never_sent_to_a_queue_of_ours(guest: Guest, stranger: AmqpStranger, queue: str) -> None:
    await stranger.dead()
    own = stranger.prefix + queue
    await stranger.publish(job(guest), reply_to=own, correlation_id="x")
    bad = uuid4().hex
    await stranger.publish(b"{", message_id=bad, reply_to=own, correlation_id="x")

    # Jobs are taken by the handful, and the next handful when every job of the last is done with: its letter lies there
    # and its answer went wherever it goes. What is asked after an answer came is of a later handful.
    for _ in range(2):
        await stranger.ask(job(guest))
    await eventually(lambda: empty(stranger))

    assert set(await stranger.dead()) == {bad}
    assert len(await posts_of(guest)) == 3


async def test_rabbitmqs_own_direct_reply_to_is_answered(guest: Guest, stranger: AmqpStranger) -> None:
    answer = await stranger.ask_directly(job(guest))

    assert answer["accepted"] is True


@pytest.mark.parametrize("address", ["gone", "x" * 255, "amq.rabbitmq.reply-to.g1h2.nobody"])
async def test_an_address_that_is_none_costs_no_more_than_the_line_for_answers(
    stage: Stage, guest: Guest, stranger: AmqpStranger, address: str
) -> None:
    """RabbitMQ 3.10 ends the connection that publishes to a forged direct reply-to address."""
    with capture_logs() as logs:
        await stranger.publish(job(guest), reply_to=address, correlation_id="x")
        [post_id] = await eventually(lambda: posts_of(guest))
        await stage.until(post_id, "published")
        await guest.heard()

    lost = {entry.get("connection") for entry in logs if entry["event"] == "broker.connection_lost"}
    assert lost <= {"clipwire:answers"}

    async def answered() -> bool:
        return bool((await stranger.ask(job(guest), within=2.0))["accepted"])

    assert await eventually(answered, timeout=20)


# Events on the way back


async def test_events_come_back_on_the_exchange_as_the_very_webhook(
    stage: Stage, guest: Guest, stranger: AmqpStranger
) -> None:
    published, everything = await stranger.listen("event.post.published"), await stranger.listen("event.#")

    answer = await stranger.ask(job(guest))
    await stage.until(answer["post_id"], "published")
    await stage.quiet()

    [got] = await stranger.take(published)
    [item] = await guest.inbox("post.published")
    assert (got.key, got.properties.message_id) == ("event.post.published", item["id"])
    assert got.json == item["json"]
    assert got.json["data"]["post_id"] == answer["post_id"]
    assert got.properties.delivery_mode == 2
    of_this = [one for one in await stranger.take(everything) if one.json["data"].get("post_id") == answer["post_id"]]
    assert {one.key for one in of_this} == {f"event.{item['json']['type']}" for item in await guest.inbox()}


async def test_news_that_is_the_operators_alone_comes_back_too(stage: Stage, stranger: AmqpStranger) -> None:
    queue = await stranger.listen("event.portability.#")

    await stage.hear(stage.envelope("portability.download.ready", {"request_id": 1}, user_openid=None))
    await stage.quiet()

    [got] = await stranger.take(queue)
    assert got.key == "event.portability.download_ready"


async def test_a_job_through_our_own_broker_room_is_the_same_job(stage: Stage, guest: Guest) -> None:
    """What `make run` does without RabbitMQ goes the same way; here, side by side with the stranger."""
    message = Message(body=json.dumps(job(guest)).encode(), routing_key="post.requested", message_id=uuid4().hex)

    await stage.house.broker.publish(message, exchange=CLIPWIRE, timeout=5)

    [post_id] = await eventually(lambda: posts_of(guest))
    await stage.until(post_id, "published")
