"""`copies`: the same webhook 64 times at once, a thousand times over, to two ingests that share nothing but the
database; every other time each copy is signed anew. Each copy is answered, each webhook kept once and told once.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import asyncpg

from bench.campaign import logs
from bench.campaign.cast import CLIENT_KEY, Keys, common
from bench.campaign.errors import Misplayed
from bench.campaign.ground import Ground
from bench.campaign.program import Program
from bench.campaign.report import Part, Table, quantiles
from deploy.process import free_port
from libs.tiktok.signature import sign

ROUNDS, COPIES, INGESTS = 1000, 64, 2
EVENTS = ("video.publish.completed", "video.upload.failed", "portability.download.ready", "something.new")
"""What is told as it was said: no post has to be there for it."""
ANSWER_S, TOLD_S, POLL_S = 30.0, 120.0, 0.1
NOBODY = "http://127.0.0.1:9"
_KEPT = """
select (select count(*) from receipts) as receipts, (select count(*) from facts) as facts,
       (select count(*) from events) as events
"""

Say = Callable[[str], None]


async def run(*, scale: float, seed: int, say: Say, keep: bool = False) -> Part:
    """The campaign; `seed` numbers the webhooks."""
    rounds = max(len(EVENTS), round(ROUNDS * scale))
    part = Part(f"copies, scale {scale:g}, seed {seed}")
    async with Ground(rabbit=None) as ground:
        ground.keep = keep
        async with _programs(ground) as (programs, secret):
            say(f"{rounds} rounds of {COPIES} copies at once, to {INGESTS} ingests")
            answers, seconds = await _send(programs[:INGESTS], rounds, seed=seed, secret=secret)
            kept = await _kept(ground, events=rounds)
        said = logs.read(program.log for program in programs)
        part.hold("every copy was answered 200", answers == {200: rounds * COPIES}, dict(answers))
        for name, what in [("receipts", "kept once"), ("facts", "one fact"), ("events", "told once")]:
            part.hold(f"each of {rounds} webhooks was {what}", kept[name] == rounds, f"{kept[name]} {name}")
        part.hold("no program met an error of its own", not said.errors, dict(said.errors) or "no such line")
        head = ("rounds", "copies at once", "ingests", "p50 ms", "p95 ms", "most ms")
        row = (rounds, COPIES, INGESTS, *quantiles([value * 1_000 for value in seconds]))
        part.tables.append(Table("A round, first copy sent to last one answered", head, [row]))
        ground.keep = keep and not part.kept
    return part


@asynccontextmanager
async def _programs(ground: Ground) -> AsyncIterator[tuple[list[Program], str]]:
    """Two ingests and a publisher, and the secret that TikTok signs with."""
    keys, programs = Keys(), []
    for name, kind in [*((f"ingest-{n}", "ingest") for n in range(1, INGESTS + 1)), ("publisher", "publisher")]:
        port = free_port()
        environ = common(ground, keys, {"simulator": NOBODY}) | {f"{kind.upper()}_PORT": str(port)}
        programs.append(
            Program(
                name, f"services.{kind}", environ=environ, url=f"http://127.0.0.1:{port}",
                folder=ground.folder / "programs",
            )
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession(trust_env=False) as http, asyncio.TaskGroup() as group:
            for program in programs:
                group.create_task(program.start(http))
        yield programs, keys.client_secret
    finally:
        for program in programs:
            await program.stop()


async def _send(ingests: Sequence[Program], rounds: int, *, seed: int, secret: str) -> tuple[Counter[int], list[float]]:
    """The answers by status, 0 for none, and how long each round took."""
    answers: Counter[int] = Counter()
    seconds = []
    async with AsyncExitStack() as opened:
        lines = [await opened.enter_async_context(_line(ingests[n % len(ingests)])) for n in range(COPIES)]
        for n in range(rounds):
            now = int(time.time())
            body = _body(n, seed=seed, now=now)
            requests = [
                _request(body, sign(body, secret=secret, t=now - (copy if n % 2 else 0))) for copy in range(COPIES)
            ]
            began = time.monotonic()
            answers.update(await asyncio.gather(*map(_ask, lines, requests)))
            seconds.append(time.monotonic() - began)
    return answers, seconds


def _body(n: int, *, seed: int, now: int) -> bytes:
    id_ = seed * 1_000_000 + n
    content = {"share_id": f"video.{id_}"} if n % len(EVENTS) < 2 else {"request_id": id_}
    said = {
        "client_key": CLIENT_KEY,
        "event": EVENTS[n % len(EVENTS)],
        "create_time": now,
        "content": json.dumps(content),
    }
    return json.dumps(said).encode()


def _request(body: bytes, signature: str) -> bytes:
    head = f"POST /webhooks/tiktok HTTP/1.1\r\nHost: x\r\nTikTok-Signature: {signature}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _line(ingest: Program) -> AsyncIterator[Line]:
    host, _, port = ingest.url.removeprefix("http://").partition(":")
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def _ask(line: Line, request: bytes) -> int:
    reader, writer = line
    writer.write(request)
    try:
        async with asyncio.timeout(ANSWER_S):
            return int((await reader.readuntil(b"\r\n\r\n"))[9:12])
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        writer.close()  # a late answer must not pass for the next request's
        return 0


async def _kept(ground: Ground, *, events: int) -> dict[str, int]:
    """What is in the database once so many events are, or once there has been time for them."""
    database = await asyncpg.connect(ground.database_url, timeout=10, command_timeout=60)
    try:
        began = time.monotonic()
        while True:
            row = await database.fetchrow(_KEPT)
            if row is None:
                raise Misplayed("a count has no row")
            if row["events"] >= events or time.monotonic() - began > TOLD_S:
                return dict(row)
            await asyncio.sleep(POLL_S)
    finally:
        await database.close()
