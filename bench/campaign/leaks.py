"""`leaks`: a full run of the house, and then every secret that was true in it is looked for wherever none may be.

In the dump of every table, in the logs of all programs at debug level and Postgres's own, in every answer of the api
and ingest, on the metrics pages, in what customers were sent, and in what went to the broker: events, answers to jobs,
and what stands on dead ones. An answer that exists to show a secret may show that
one.
"""

import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import aiohttp
import asyncpg
import structlog

from bench.campaign.ground import Ground
from bench.campaign.leak_broker import REASON, carried, overhearing
from bench.campaign.leak_play import play
from bench.campaign.leak_scan import Leak, Place, Secret, counted, dump, scan
from bench.campaign.leak_witness import Shelf, Witness
from bench.campaign.media import KNOBS, PORTS
from bench.campaign.report import Part, Table, sample
from deploy.ask import ask
from deploy.house import PROGRAMS, House, Places
from deploy.keepsake import Keepsake
from libs.runtime import logs
from libs.runtime.settings import load, summary
from services.api.resource import ROUTES
from services.api.settings import ApiSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from services.publisher.settings import PublisherSettings

CUSTOMERS = 20
"""At scale 1."""
KINDS = (
    "access token",
    "refresh token",
    "client secret",
    "webhook secret",
    "API key",
    "signed media URL",
    "upload URL",
    "reconnect link",
    "OAuth state",
)
SETTINGS = (ApiSettings, IngestSettings, NotifierSettings, PublisherSettings)

Say = Callable[[str], None]


async def run(*, scale: float, seed: int, say: Say) -> Part:
    """The campaign; `seed` is the simulator's. The logs of this process go to a buffer meanwhile."""
    part = Part(f"leaks, scale {scale:g}, seed {seed}")
    with _logged() as log:
        async with Ground(rabbit=None) as ground:
            keepsake = Keepsake.of(ground.folder / "programs")
            environ = PORTS | {"SIMULATOR_KNOBS": KNOBS, "SIMULATOR_SEED": str(seed), "TIKTOK_AUDITED": "true"}
            places = Places(ground.database_url, ground.folder / "programs", keepsake, environ)
            bus = overhearing()
            async with House(places, bus=bus) as house, aiohttp.ClientSession() as http:
                witness = Witness(house, http, keepsake.operator_key)
                witness.remember("API key", keepsake.operator_key)
                witness.remember("client secret", keepsake.tiktok_client_secret)
                witness.remember("encryption key", keepsake.encryption_key)
                async with http.get(f"{house.urls['simulator']}/_sim/sample.mp4") as reply:
                    film = await reply.read()
                async with Shelf(film) as shelf:
                    for n in range(max(1, round(CUSTOMERS * scale))):
                        say(f"customer {n}")
                        await play(witness, shelf, n)
                    await _look_at_everything(witness)
                sent = await _what_was_sent(house)
                told = [Place(f"settings of {model.__name__}", str(summary(load(model, house.environ))).encode())
                        for model in SETTINGS]  # fmt: skip
            postgres = (ground.postgres.directory / "log").read_bytes()
            kept = [Place("log", log.getvalue().encode()), Place("Postgres's log", postgres), *told, *sent]
            heard, wrong = carried(bus, sent=witness.jobs)
            kept += [*heard, *await dump(ground.database_url), *witness.places]
            say(f"looking for {len(witness.secrets)} secrets in {sum(len(p.content) for p in kept):,} bytes")
            leaks = scan(witness.secrets, kept)
            missed = await _planted(ground.database_url, witness.secrets)
    _judge(part, witness, kept, leaks, missed)
    dead = [place for place in heard if "dead job" in place.name]
    part.hold(
        "dead jobs were kept, each with a reason", bool(dead) and all(REASON in p.content for p in dead), len(dead)
    )
    part.hold("a dead job is what its sender sent, to the byte", not wrong, sample(wrong))
    return part


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """Everything that is logged at debug level meanwhile; then it goes where it went before."""
    before, root, log = structlog.get_config(), logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    logs.configure(level="debug", format="json", stream=log)
    try:
        yield log
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(level)


async def _look_at_everything(w: Witness) -> None:
    """Every page that can be read: lists, and one of each thing they list."""
    for route in ROUTES:
        if route.method == "GET" and "{" not in route.path:
            found = await w.ask("GET", route.path)
            for item in found.get("data", ()) if isinstance(found.get("data"), list) else ():
                if isinstance(item, dict) and "id" in item and f"{route.path}/{{id}}" in _PATHS:
                    await w.ask("GET", f"{route.path}/{item['id']}")
                if isinstance(item, dict) and route.path == "/v1/posts":
                    await w.ask("GET", f"/v1/posts/{item['id']}/timeline")
    for program in PROGRAMS:
        for page in ("/metrics", "/readyz"):
            await w.ask("GET", page, key="", program=program)


_PATHS = frozenset(route.path for route in ROUTES if route.method == "GET")


async def _what_was_sent(house: House) -> list[Place]:
    """What arrived at customers' endpoints: bodies and headers."""
    url = house.urls["simulator"]
    names = [customer["name"] for customer in (await ask("GET", url, "/_sim/customer"))["customers"]]
    inboxes = [await ask("GET", url, f"/_sim/customer/{name}/inbox") for name in names]
    return [Place(f"sent to {name}", str(inbox).encode()) for name, inbox in zip(names, inboxes, strict=True)]


async def _planted(database_url: str, secrets: set[Secret]) -> list[Secret]:
    """The secrets that a scan would not see in a log line, in a column of text or in one of bytes."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("create table planted (n int, said text, kept bytea, doc jsonb)")
    listed = sorted(secrets, key=lambda one: one.value)
    rows = [(n, f"a {s.value[:-1]}", b"\x01" + s.value.encode(), f'"{n}"') for n, s in enumerate(listed)]
    await connection.copy_records_to_table("planted", records=rows)
    await connection.close()
    table = next(place for place in await dump(database_url) if place.name == "table planted")
    line = Place("log", "\n".join(f'{{"event": "x", "why": "{s.value[1:]}"}}' for s in listed).encode())
    seen = [{leak.kind for leak in scan([s], [table]) + scan([s], [line])} for s in listed]
    return [s for s, kinds in zip(listed, seen, strict=True) if not kinds]


def _judge(part: Part, w: Witness, kept: Sequence[Place], leaks: Sequence[Leak], missed: Sequence[Secret]) -> None:
    counts = counted(w.secrets)
    lacking = [kind for kind in KINDS if not counts.get(kind)]
    part.hold("there were secrets of every kind", not lacking, lacking or "all")
    part.hold("every secret is found where it was planted", not missed, sample([s.kind for s in missed]))
    groups = {"table": "the database", "log": "the logs", "Postgres's": "Postgres's log", "answer": "answers",
              "sent": "what customers were sent", "broker:": "what the broker is given",
              "settings": "the settings as they are logged"}  # fmt: skip
    for word, where in groups.items():
        there = [place for place in kept if place.name.split()[0] == word]
        found = [f"{leak.kind} in {leak.place} after {leak.around[-90:]!r}" for leak in leaks
                 if leak.place.split()[0] == word]  # fmt: skip
        part.hold(f"{where} were looked into", bool(there) and any(p.content for p in there), len(there))
        part.hold(f"no secret is in {where}", not found, sample(found, most=8))
    statuses = Counter(place.name.rpartition(" -> ")[2] for place in w.places if " -> " in place.name)
    part.hold("no answer was a fault of ours", not [s for s in statuses if s in ("500", "502")], dict(statuses))
    part.tables.append(Table("secrets", ("kind", "how many"), sorted(counts.items())))
    sizes = Counter({word: sum(len(p.content) for p in kept if p.name.split()[0] == word) for word in groups})
    part.tables.append(Table("looked into", ("where", "bytes"), [(groups[word], n) for word, n in sizes.items()]))
