"""Everything that can come in at `/webhooks/tiktok`: what it is taken for, how it is answered, and whom it reaches."""

import asyncio
import gzip
import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from flow_house import Guest, HeldClock, Stage, open_stage
from structlog.testing import capture_logs

from deploy.keepsake import Keepsake
from libs.model.forwarded import exact
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_S = 3600
ROUNDS = 25
"""How often 64 copies are sent at once; a thousand times, and to two ingests, by `make prove NAME=copies`."""

COMPLETE = "post.publish.complete"
FAILED = "post.publish.failed"
INBOX = "post.publish.inbox_delivered"
REMOVED = "authorization.removed"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd() -> AsyncIterator[aiohttp.ClientSession]:
    """Many requests at once."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64), trust_env=False) as session:
        yield session


async def sent(crowd: aiohttp.ClientSession, stage: Stage, body: bytes, signature: str | None = None) -> int:
    """The status; truly signed unless told otherwise."""
    headers = {"TikTok-Signature": stage.sign(body) if signature is None else signature}
    url = f"{stage.urls['ingest']}/webhooks/tiktok"
    async with crowd.post(url, data=io.BytesIO(body), headers=headers) as response:
        return response.status


async def counted(stage: Stage) -> Counter[tuple[str, str]]:
    """(status, why) → how many."""
    found: Counter[tuple[str, str]] = Counter()
    for name, value in (await stage.metrics("ingest")).items():
        if name.startswith("clipwire_ingest_webhooks_total"):
            labels = dict(part.split("=", 1) for part in name[name.index("{") + 1 : -1].split(","))
            found[labels["status"].strip('"'), labels["why"].strip('"')] = int(value)
    return found


# What each event means (fact sheet 6.3)


async def stuck(guest: Guest, **request: Any) -> tuple[dict[str, Any], str]:
    """A post whose every byte TikTok has, and its publish id; nothing more happens by itself."""
    await guest.fault("stick")
    post = await guest.stage.waits((await guest.post(**request))["id"], "processing")
    return post, post["publications"][-1]["publish_id"]


DRAFT = {"mode": "inbox", "privacy_level": None}
PUBLIC_ID = "7602997517160123666"
ABOUT_POSTS: list[tuple[str, dict[str, str], dict[str, Any], str, dict[str, int]]] = [
    (COMPLETE, {}, {}, "completed", {"post.published": 1}),
    (COMPLETE, {}, DRAFT, "completed", {"post.published": 1}),
    (FAILED, {"reason": "spam_risk"}, {}, "failed", {"post.failed": 1}),
    (FAILED, {"reason": "internal"}, {}, "failed", {"post.retrying": 1}),
    (FAILED, {"reason": "unheard_of"}, {}, "failed", {"post.failed": 1}),
    (INBOX, {}, DRAFT, "in_inbox", {"post.in_inbox": 1}),
    *(
        (f"post.publish.{spelling}", {"post_id": PUBLIC_ID}, {}, kind, {"post.published": 1, event: 1})
        for spelling, kind, event in [
            ("publicly_available", "public", "post.publicly_available"),
            ("publicaly_available", "public", "post.publicly_available"),
            ("no_longer_publicly_available", "gone", "post.no_longer_available"),
            ("no_longer_publicaly_available", "gone", "post.no_longer_available"),
        ]
    ),
]


@pytest.mark.row("BO-07")
@pytest.mark.parametrize(("event", "content", "request_", "kind", "heard"), ABOUT_POSTS)
async def test_news_of_a_post(
    stage: Stage,
    guest: Guest,
    event: str,
    content: dict[str, str],
    request_: dict[str, Any],
    kind: str,
    heard: dict[str, int],
) -> None:
    post, publish_id = await stuck(guest, **request_)
    type_ = "INBOX_SHARE" if request_ else "DIRECT_PUBLISH"
    body = stage.envelope(
        event, {"publish_id": publish_id, "publish_type": type_, **content}, user_openid=guest.open_id
    )

    assert await stage.hear(body) == 200

    assert await guest.heard_of(post) == heard
    fact = await stage.row("select * from facts where publish_id = $1", publish_id)
    assert (fact["kind"], fact["source"], fact["open_id"]) == (kind, "webhook", guest.open_id)
    assert (fact["tiktok_post_id"], fact["reason"]) == (content.get("post_id", ""), content.get("reason", ""))


BIG = 2**62 + 1
"""An id that a double does not hold."""
OTHERS: list[tuple[str, dict[str, Any], str, str | None]] = [
    *((REMOVED, {"reason": reason}, "authorization_removed", "account.disconnected") for reason in (0, 1, 5, 99)),
    ("video.upload.failed", {"share_id": "video.7602.sim"}, "share_failed", "video.upload_failed"),
    ("video.publish.completed", {"share_id": "video.7602.sim"}, "share_published", "video.publish_completed"),
    ("portability.download.ready", {"request_id": 123456}, "download_ready", "portability.download_ready"),
    ("tiktok.ping", {"reason": "testing Webhook"}, "ping", None),
    ("post.publish.something_new", {"publish_id": "x", "deep": {"er": [BIG]}}, "unrecognized", "tiktok.unrecognized"),
    ("Authorization.Removed", {"reason": 1, "share_id": BIG}, "unrecognized", "tiktok.unrecognized"),
]


@pytest.mark.row("BO-07", "BO-40", "BO-41", "BO-42")
@pytest.mark.parametrize(("event", "content", "kind", "told"), OTHERS)
async def test_other_news(
    stage: Stage, guest: Guest, event: str, content: dict[str, Any], kind: str, told: str | None
) -> None:
    body = stage.envelope(event, content, user_openid=guest.open_id)

    assert await stage.hear(body) == 200
    assert await stage.hear(body) == 200

    assert await guest.heard() == ([told] if told else [])
    fact = await stage.row("select * from facts where open_id = $1", guest.open_id)
    assert (fact["kind"], fact["create_time"]) == (kind, stage.unix)
    if told is not None and told != "account.disconnected":
        [item] = await guest.inbox(told)
        assert item["json"]["data"]["content"] == exact(content)
        assert item["json"]["data"]["account_id"] == guest.account_id


async def test_news_without_an_owner_is_the_operators(stage: Stage, guest: Guest) -> None:
    ready = stage.envelope("portability.download.ready", {"request_id": BIG}, user_openid=None)

    assert await stage.hear(ready) == 200

    assert await guest.heard() == []

    async def told() -> list[Any]:
        found = (await stage.api("GET", "events?type=portability.download_ready"))["data"]
        return [event["data"]["content"] for event in found if event["data"]["open_id"] is None]

    # The feed shows what no open transaction of the whole server can precede, and other tests have some.
    assert await eventually(told) == [{"request_id": str(BIG)}]


async def test_milliseconds_of_the_portals_test_button_are_read_as_what_they_are(stage: Stage) -> None:
    body = stage.envelope("tiktok.ping", {"reason": "ms"}, create_time=stage.unix * 1000 + 123, user_openid="")

    assert await stage.hear(body) == 200

    fact = await stage.row("select create_time from facts where kind = 'ping' and reason = 'ms'")
    assert fact["create_time"] == stage.unix


# The signature (6.2)

VECTOR = (
    rb'{"client_key":"awsimkey01","event":"post.publish.complete","create_time":1770210870,'
    rb'"user_openid":"-000simUser01","content":"{\"publish_id\":\"v_pub_file~v2-1.7602990000000000001\",'
    rb'\"publish_type\":\"DIRECT_PUBLISH\"}"}'
)
VECTOR_SIGNATURE = "t=1770210871,s=b6ed76e41e2ddb85d04c98b573926b503cf9f3f9611498060393ca72edb2f14f"


async def test_the_vector_of_the_fact_sheet_verifies(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    known = Keepsake.of(tmp_path / "house")
    keepsake = replace(known, tiktok_client_key="awsimkey01", tiktok_client_secret="sim_client_secret")
    clock = HeldClock(datetime.fromtimestamp(1770210900, UTC))
    async with open_stage(
        database_url, tmp_path / "house", programs=["ingest"], clock=clock, keepsake=keepsake
    ) as stage:
        answers = [
            await stage.hear(VECTOR, signature=VECTOR_SIGNATURE),
            await stage.hear(VECTOR + b" ", signature=VECTOR_SIGNATURE),
            await stage.hear(VECTOR[:-1] + b" }", signature=VECTOR_SIGNATURE),
        ]
        fact = await stage.row("select publish_id, create_time from facts")

    assert len(VECTOR) == 219
    assert answers == [200, 401, 401]
    assert fact == {"publish_id": "v_pub_file~v2-1.7602990000000000001", "create_time": 1770210870}


@pytest.mark.row("SA-58")
@pytest.mark.parametrize(
    ("ago", "status"),
    [(0, 200), (72 * HOUR_S, 200), (75 * HOUR_S, 200), (75 * HOUR_S + 1, 401), (-300, 200), (-301, 401)],
)
async def test_a_signature_is_good_for_tiktoks_whole_retry_window_and_hardly_ahead(
    stage: Stage, ago: int, status: int
) -> None:
    body = stage.envelope("tiktok.ping", {"reason": f"{ago} ago"})

    assert await stage.hear(body, signature=stage.sign(body, t=stage.unix - ago)) == status


def forged(stage: Stage, body: bytes) -> dict[str, str]:
    """Signatures that are none, by what is wrong with them."""
    good = stage.sign(body)
    t, _, s = good.removeprefix("t=").partition(",s=")
    other = "0" if s[-1] != "0" else "1"
    return {
        "missing": "",
        "another secret": stage.sign(body, secret="guess"),
        "an empty secret": stage.sign(body, secret="\0"),
        "another body": stage.sign(body + b" "),
        "another time": f"t={int(t) + 1},s={s}",
        "one digit": f"t={t},s={s[:-1]}{other}",
        "cut short": good[:-1],
        "too long": good + "0",
        "upper case": f"t={t},s={s.upper()}",
        "the other order": f"s={s},t={t}",
        "no time": f"s={s}",
        "no signature": f"t={t}",
        "nonsense": "v1,abc",
        "a list": f"{good},{good}",
        "huge": "t=" + "9" * 5000 + ",s=" + s,
    }


@pytest.mark.row("SA-58")
async def test_every_other_signature_is_refused_and_leaves_nothing_behind(stage: Stage) -> None:
    body = stage.envelope("tiktok.ping", {"reason": "forged"})
    before = await counted(stage)

    answers = {name: await stage.hear(body, signature=value) for name, value in forged(stage, body).items()}

    assert set(answers.values()) == {401}
    after = await counted(stage) - before
    assert sum(after.values()) == len(answers)
    assert {why for _, why in after} == {"missing", "malformed", "mismatched"}
    left = await stage.row("select count(*) as n from receipts where position('forged'::bytea in body) > 0")
    assert left["n"] == 0


async def test_another_apps_client_key_is_refused(stage: Stage) -> None:
    body = stage.envelope("tiktok.ping", {"reason": "foreign"}, client_key="awother")
    before = await counted(stage)

    assert await stage.hear(body) == 401

    assert await counted(stage) - before == {("401", "foreign_client_key"): 1}


# Bodies


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def bodies(stage: Stage, guest: Guest) -> dict[str, tuple[bytes, int]]:
    """Every signed body that is no webhook of TikTok's, or an odd one that is: (body, status)."""
    known = {"publish_id": "v_pub_file~v2-1.1", "publish_type": "DIRECT_PUBLISH"}

    def ping(content: Any, **more: Any) -> bytes:
        return stage.envelope("tiktok.ping", content, **{"user_openid": guest.open_id, **more})

    def raw(inner: str, event: str = "tiktok.ping") -> bytes:
        """`inner` goes into the envelope as it is, JSON escapes and all."""
        return stage.envelope(event, "@", user_openid=guest.open_id).replace(b'"@"', inner.encode())

    whole = stage.envelope(COMPLETE, known)
    return {
        "empty": (b"", 400),
        "truncated": (whole[:-5], 400),
        "two of them": (whole + whole, 400),
        "not JSON": (b"event=post.publish.complete", 400),
        "not UTF-8": (b'{"event":"\xff\xfe"}', 400),
        "UTF-16": (whole.decode().encode("utf-16"), 400),
        "a list": (b"[" + whole + b"]", 400),
        "text": (json.dumps(whole.decode()).encode(), 400),
        "null": (b"null", 400),
        "a number": (b"9" * 400, 400),
        "NaN": (whole.replace(b"}", b',"x":NaN}'), 400),
        "no event": (stage.envelope(COMPLETE, known, event=None), 400),
        "event a number": (stage.envelope(COMPLETE, known, event=7), 400),
        "event too long": (stage.envelope("x" * 1025, known), 400),
        "no client_key": (stage.envelope(COMPLETE, known, client_key=None), 400),
        "no content": (whole.replace(b'"content"', b'"contents"'), 400),
        "content an object": (stage.envelope(COMPLETE, "@").replace(b'"@"', json.dumps(known).encode()), 400),
        "content no JSON": (stage.envelope(COMPLETE, "{"), 400),
        "no publish_id": (stage.envelope(COMPLETE, {"publish_type": "DIRECT_PUBLISH"}), 400),
        "publish_id a list": (stage.envelope(COMPLETE, {"publish_id": ["x"]}), 400),
        "no create_time": (stage.envelope(COMPLETE, known, create_time=None), 400),
        "create_time text": (stage.envelope(COMPLETE, known, create_time="1770210870"), 400),
        "create_time true": (stage.envelope(COMPLETE, known, create_time=True), 400),
        "create_time negative": (stage.envelope(COMPLETE, known, create_time=-1), 400),
        "create_time 10**30": (stage.envelope(COMPLETE, known, create_time=10**30), 400),
        "create_time 2**63": (stage.envelope(COMPLETE, known, create_time=2**63), 400),
        "NUL in the envelope": (ping({}, user_openid="a\0b"), 400),
        "NUL in the content": (ping({"reason": "a\0b"}), 400),
        "NUL as a name": (ping({"a\0b": 1}), 400),
        "lone surrogate in the envelope": (raw(r'"{}","x":"\ud800"'), 400),
        "lone surrogate in a known content": (raw(r'"{\"publish_id\":\"\\ud800\"}"', COMPLETE), 400),
        "huge integer in the content": (ping({"n": 10**30}), 400),
        "2**63 in the content": (ping({"n": 2**63}), 400),
        "nested too deep": (deep(200).encode(), 400),
        "nested beyond all readers": (b"[" * 100_000, 400),
        "content nested too deep": (raw(json.dumps(deep(40))), 400),
        "too large": (whole + b" " * 300_000, 413),
        "far too large": (b"x" * 5_000_000, 413),
        # Odd, and still TikTok's:
        "int64 to its end": (ping({"n": 2**63 - 1, "m": -(2**63)}), 200),
        "a new event without content": (stage.envelope("tiktok.new", "", user_openid=guest.open_id), 200),
        "a new event with a surrogate inside": (raw(r'"{\"x\":\"\\ud800\"}"', "tiktok.new"), 200),
        "unknown fields": (ping({"reason": "more"}, later={"v": 2}), 200),
        "every plane": (ping({"reason": "世界 🎬 \u202e"}), 200),
        "a day before all partitions": (ping({"reason": "1970"}, create_time=1), 200),
        "a day after all partitions": (ping({"reason": "2286"}, create_time=9_999_999_999), 200),
    }


async def test_no_body_gets_more_than_its_status_and_none_disturbs_its_neighbours(
    stage: Stage, guest: Guest, crowd: aiohttp.ClientSession
) -> None:
    """Each is sent together with 63 good ones."""
    before = await counted(stage)
    answers: dict[str, tuple[int, int]] = {}
    neighbours: Counter[int] = Counter()
    table = bodies(stage, guest)
    for row, (name, (body, expected)) in enumerate(table.items()):
        good = [stage.envelope("tiktok.ping", {"reason": f"{row} {n}"}) for n in range(63)]
        together = [*good[:31], body, *good[31:]]
        statuses = await asyncio.gather(*(sent(crowd, stage, each) for each in together))
        answers[name] = (statuses.pop(31), expected)
        neighbours.update(statuses)

    assert {name: got for name, (got, expected) in answers.items() if got != expected} == {}
    assert neighbours == {200: 63 * len(table)}
    after: Counter[str] = Counter()
    for (status, _), n in (await counted(stage) - before).items():
        after[status] += n
    assert after == Counter(str(expected) for _, expected in table.values()) + Counter({"200": 63 * len(table)})


async def test_a_signed_body_that_is_no_webhook_is_kept_with_its_reason(stage: Stage) -> None:
    body = b"signed, and nothing that TikTok would send"

    assert [await stage.hear(body) for _ in range(2)] == [400, 400]

    kept = await stage.row("select reason, fact_key from receipts where body = $1", body)
    assert kept == {"reason": "body is not JSON", "fact_key": None}


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A few bytes that swell to fifty million."""
    return gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "unheard-of"])
async def test_a_content_encoding_is_taken_for_what_it_is_or_refused_and_never_a_500(
    stage: Stage, encoding: str, bomb: bytes
) -> None:
    body = stage.envelope("tiktok.ping", {"reason": f"plain, called {encoding}"})
    answers = []
    for sent_ in (body, bomb):
        async with Line(stage) as line:
            answers.append(await line.ask(request_of(sent_, stage.sign(sent_), **{"Content-Encoding": encoding})))

    assert set(answers) <= {200, 400, 401, 413, 415}
    assert await stage.hear(stage.envelope("tiktok.ping", {"reason": "alive"})) == 200


async def test_broken_requests_are_no_500_and_nobodys_error(stage: Stage) -> None:
    begin = b"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nTikTok-Signature: t=1,s=" + b"0" * 64 + b"\r\n"
    requests = {
        "cut short": begin + b"Content-Length: 100\r\n\r\nhalf",
        "bad chunks": begin + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "two lengths": begin + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "both": begin + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "no HTTP": b"hello\r\n\r\n",
    }

    answers, errors = {}, []
    for name, request in requests.items():
        with capture_logs() as logs:
            async with Line(stage) as line:
                answers[name] = await line.ask(request, ends=True)
            assert await stage.hear(stage.envelope("tiktok.ping", {"reason": f"alive after {name}"})) == 200
        errors += [entry for entry in logs if entry["log_level"] in ("error", "critical")]

    assert {name: status for name, status in answers.items() if status >= 500} == {}
    assert errors == []


# Many at once


@pytest.mark.row("SA-58", "BO-22", "BO-59")
async def test_64_copies_at_once_are_one_receipt_and_one_fact_and_all_answered_200(stage: Stage) -> None:
    before = await stage.row(
        "select (select count(*) from receipts) as receipts, (select count(*) from facts) as facts"
    )
    answers: Counter[int] = Counter()

    async with AsyncExitStack() as open_lines:
        lines = [await open_lines.enter_async_context(Line(stage)) for _ in range(64)]
        for n in range(ROUNDS):
            body = stage.envelope("tiktok.ping", {"reason": f"round {n}"})
            request = request_of(body, stage.sign(body))
            answers.update(await asyncio.gather(*(line.ask(request) for line in lines)))

    after = await stage.row("select (select count(*) from receipts) as receipts, (select count(*) from facts) as facts")
    assert answers == {200: 64 * ROUNDS}
    assert {name: after[name] - before[name] for name in after} == {"receipts": ROUNDS, "facts": ROUNDS}


def request_of(body: bytes, signature: str, **more: str) -> bytes:
    headers = {"Host": "x", "Tiktok-Signature": signature, "Content-Length": str(len(body)), **more}
    lines = ["POST /webhooks/tiktok HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


class Line:
    """One connection of a sender that costs as little as it can."""

    def __init__(self, stage: Stage) -> None:
        self._host, _, port = stage.urls["ingest"].removeprefix("http://").partition(":")
        self._port = int(port)

    async def __aenter__(self) -> "Line":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._writer.close()
        with suppress(ConnectionError):  # the other side may have closed first
            await self._writer.wait_closed()

    async def ask(self, request: bytes, *, ends: bool = False) -> int:
        """The status, 0 when the other side said nothing. With `ends` the sender is gone after its request."""
        self._writer.write(request)
        if ends:
            self._writer.write_eof()
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        return int(head[9:12])


async def test_what_cannot_be_stored_in_time_is_503_and_what_was_taken_is_saved(
    database_url: str, tmp_path: Path
) -> None:
    async with open_stage(
        database_url, tmp_path / "house", programs=["ingest"], INGEST_QUEUE_MAX="3", INGEST_COMMITS_AT_ONCE="1"
    ) as stage:
        async with AsyncExitStack() as lines:
            async with stage.database.transaction():
                await stage.database.execute("lock table receipts in exclusive mode")
                asked = []
                for n in range(12):
                    line = await lines.enter_async_context(Line(stage))
                    body = stage.envelope("tiktok.ping", {"reason": f"{n}"})
                    asked.append(asyncio.ensure_future(line.ask(request_of(body, stage.sign(body)))))
                await eventually(lambda: any(one.done() for one in asked))
            answers = Counter(await asyncio.gather(*asked))
        kept = await stage.row("select count(*) as n from receipts")

    assert set(answers) == {200, 503}
    assert kept["n"] == answers[200] >= 3
