"""`media`: every file of the corpus through the whole house, uploaded and by URL, to a TikTok that looks into it.

Each is published, as it is or converted, or refused before an init with the exact field; none fails after one.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bench.campaign.ground import Ground
from bench.campaign.report import Part, Table, sample
from bench.corpus.case import CORPUS, Case
from deploy.house import House, Places
from deploy.keepsake import Keepsake
from libs.runtime.web import HttpServer

WAYS = ("upload", "url")
AT_ONCE = 3
PATIENCE_S = 180.0
POLL_S = 0.2
UNMENDABLE = frozenset({"duration", "truncated", "damaged"})
"""What no conversion mends (fact sheet 4.4): these alone are named while conversion is allowed."""
PORTS = {f"{name}_PORT": "0" for name in ("API", "INGEST", "PUBLISHER", "NOTIFIER", "SIMULATOR")}
KNOBS = "audited=true,check_media=true,processing_s=0,public_id_delay_s=null"

AS_IT_IS, CONVERTED, REFUSED = "published as it is", "published converted", "refused"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Course:
    """How one file fared. `fields` are what a refusal named; `inits` as TikTok saw them; `sent` is the digest that
    arrived there, `kept` the one we had ready."""

    name: str
    way: str
    outcome: str
    fields: frozenset[str]
    inits: int
    sent: str = ""
    kept: str = ""
    converted: bool = False


async def run(*, scale: float, seed: int, say: Say) -> Part:
    """The campaign. Below scale 1 a random part of the corpus goes, with some of every outcome."""
    part = Part(f"media, scale {scale:g}, seed {seed}")
    names = _names(scale, random.Random(seed))
    async with Ground(rabbit=None) as ground, _house(ground) as (house, files):
        say(f"making {len(names)} files")
        await asyncio.to_thread(lambda: [CORPUS[name].write(files.folder / name) for name in names])
        say("sending each twice: uploaded, and by URL")
        async with aiohttp.ClientSession() as http:
            sender, turns = Sender(http, house, files), asyncio.Semaphore(AT_ONCE)
            await sender.open()

            async def one(name: str, way: str) -> Course:
                async with turns:
                    return await sender.send(name, way)

            courses = await asyncio.gather(*(one(name, way) for name in names for way in WAYS))
    _judge(part, courses)
    return part


def _names(scale: float, chance: random.Random) -> list[str]:
    if scale >= 1:
        return sorted(CORPUS)
    by_outcome: dict[str, list[str]] = {}
    for name in sorted(CORPUS):
        by_outcome.setdefault(_outcome(CORPUS[name]), []).append(name)
    chosen = [chance.choice(names) for names in by_outcome.values()]
    others = sorted(CORPUS.keys() - set(chosen))
    return chosen + chance.sample(others, max(0, round(len(CORPUS) * scale) - len(chosen)))


def _outcome(case: Case) -> str:
    """What has to become of it."""
    if case.kind == "unreadable" or not case.mendable:
        return REFUSED
    return CONVERTED if case.wrong else AS_IT_IS


@dataclass(frozen=True, slots=True)
class Files:
    """A customer's server over a folder."""

    folder: Path
    url: str


@asynccontextmanager
async def _house(ground: Ground) -> AsyncIterator[tuple[House, Files]]:
    folder = ground.folder / "corpus"
    folder.mkdir()
    app = web.Application()
    app.router.add_static("/", folder)
    server = HttpServer(app, host="127.0.0.1", port=0)
    await server.start()
    environ = {**PORTS, "SIMULATOR_KNOBS": KNOBS, "TIKTOK_AUDITED": "true"}
    places = Places(ground.database_url, ground.folder / "programs", Keepsake.of(ground.folder / "programs"), environ)
    try:
        async with House(places) as house:
            yield house, Files(folder, server.url)
    finally:
        await server.stop()


class Sender:
    """Posts files, each for a creator of its own, so that none waits for another's budget."""

    def __init__(self, http: aiohttp.ClientSession, house: House, files: Files) -> None:
        self._http = http
        self._house = house
        self._files = files
        self._customer = ""

    async def open(self) -> None:
        _, made = await self._ask("POST", "/v1/customers", {"name": "media"})
        self._customer = made["id"]

    async def send(self, name: str, way: str) -> Course:
        """One file, from its first byte to how it ended."""
        case = CORPUS[name]
        account = await self._account()
        source = f"{self._files.url}/{name}"
        if way == "upload":
            status, made = await self._upload(self._files.folder / name)
            if status != 201:
                return await self._refused(name, way, made, account)
            source = made["id"]
        asked = {"customer_id": self._customer, "account_id": account["id"], "kind": _kind(case), "media": [source]}
        status, post = await self._ask("POST", "/v1/posts", asked | {"privacy_level": "SELF_ONLY", "title": name})
        if status != 201:
            return await self._refused(name, way, post, account)
        post = await self._ended(post["id"])
        if post["state"] != "published":
            return await self._refused(name, way, post["problem"] or {"code": post["state"]}, account)
        _, kept = await self._ask("GET", f"/v1/media/{post['media_id']}")
        publications = await self._publications(account)
        arrived = publications[-1]["media"][0]["sha256"]
        converted = kept["made_from"] is not None
        return Course(name, way, "published", frozenset(), len(publications), arrived, kept["sha256"], converted)

    async def _refused(self, name: str, way: str, problem: dict[str, Any], account: dict[str, Any]) -> Course:
        fields = frozenset(str(error["field"]) for error in problem.get("errors", ()))
        return Course(name, way, f"refused: {problem['code']}", fields, len(await self._publications(account)))

    async def _ended(self, post_id: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    _, post = await self._ask("GET", f"/v1/posts/{post_id}")
                    if post["state"] in ("published", "failed"):
                        return post
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return post

    async def _account(self) -> dict[str, Any]:
        async with self._http.post(f"{self._house.urls['simulator']}/_sim/accounts", json={"private": False}) as reply:
            given = await reply.json()
        same = ("open_id", "access_token", "refresh_token", "expires_in", "refresh_expires_in")
        wanted = {"customer_id": self._customer, "scopes": given["scope"].split(",")}
        _, made = await self._ask("POST", "/v1/accounts", wanted | {field: given[field] for field in same})
        return made

    async def _publications(self, account: dict[str, Any]) -> list[dict[str, Any]]:
        url = f"{self._house.urls['simulator']}/_sim/world?open_id={account['open_id']}"
        async with self._http.get(url) as reply:
            found: list[dict[str, Any]] = (await reply.json())["publications"]
        return found

    async def _upload(self, path: Path) -> tuple[int, dict[str, Any]]:
        body = await asyncio.to_thread(path.read_bytes)
        return await self._call(
            "POST", f"/v1/media?customer_id={self._customer}", data=body, kind="application/octet-stream"
        )

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        return await self._call(method, path, json=body)

    async def _call(self, method: str, path: str, *, kind: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._house.environ['OPERATOR_KEY']}"}
        headers |= {"Content-Type": kind} if kind else {}
        async with self._http.request(method, self._house.urls["api"] + path, headers=headers, **more) as reply:
            said: dict[str, Any] = await reply.json(content_type=None)
            return reply.status, said


def _kind(case: Case) -> str:
    return "photo" if case.kind == "photo" else "video"


def _expected(course: Course) -> frozenset[str]:
    """The fields a refusal has to name; none for what has to be published."""
    case = CORPUS[course.name]
    if case.kind == "unreadable":
        return frozenset({"file" if course.way == "upload" else "media.0"})
    return frozenset() if case.mendable else frozenset(f"media.0.{rule}" for rule in case.wrong & UNMENDABLE)


def _became(course: Course) -> str:
    if course.outcome != "published":
        return REFUSED
    return CONVERTED if course.converted else AS_IT_IS


def _judge(part: Part, courses: list[Course]) -> None:
    right = [course for course in courses if (course.outcome == "published") is not bool(_expected(course))]
    wrong = [f"{c.name} by {c.way}: {c.outcome} {sorted(c.fields)}" for c in courses if c not in right]
    part.hold("every file that may go out is published, and no other", not wrong, sample(wrong))
    refused = [course for course in right if course.outcome != "published"]
    vague = [f"{c.name} by {c.way}: {sorted(c.fields)}" for c in refused if c.fields != _expected(c)]
    part.hold("every refusal names exactly the fields that stand in the way", not vague, sample(vague))
    begun = [f"{c.name} by {c.way}" for c in courses if c.outcome != "published" and c.inits]
    part.hold("no init is ever made for a file that is refused", not begun, sample(begun))
    published = [course for course in courses if course.outcome == "published"]
    again = [f"{c.name} by {c.way}: {c.inits}" for c in published if c.inits != 1]
    part.hold("each published file took one init", not again, sample(again))
    other = [f"{c.name} by {c.way}" for c in published if c.sent != c.kept]
    part.hold("TikTok has the very bytes that were made ready", not other, sample(other))
    mended = [f"{c.name} by {c.way}" for c in published if CORPUS[c.name].wrong and not c.converted]
    part.hold("what breaks a rule went out converted", not mended, sample(mended))
    counts = Counter((c.way, _became(c)) for c in courses)
    all_kinds = {(way, outcome) for way in WAYS for outcome in (AS_IT_IS, CONVERTED, REFUSED)}
    none = sorted(all_kinds - counts.keys())
    part.hold("some were published as they are, some converted and some refused", not none, sample(none))
    part.tables.append(Table("files", ("way", "outcome", "files"), [(*key, n) for key, n in sorted(counts.items())]))
    part.notes.append(f"{len({c.name for c in courses})} of {len(CORPUS)} files of the corpus")
