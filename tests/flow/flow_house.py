"""The whole stack in one process on a clock that stands still, and everything a test does to it, in one line each."""

import asyncio
import hmac
import io
import itertools
import json
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import httpx
from flow_guest import PATIENCE_S, Guest

from deploy.house import PROGRAMS, House, Places
from deploy.keepsake import Keepsake
from libs.runtime.clock import ManualClock, SyncedClock
from services.publisher.claims import LANE_LEASE
from tests.databases import START
from tests.eventually import eventually

FREE_PORTS = {f"{name}_PORT": "0" for name in ("API", "INGEST", "PUBLISHER", "NOTIFIER", "SIMULATOR")}
KNOBS = "audited=true,check_media=false,processing_s=0,public_id_delay_s=null"
BELLS = ("publisher", "facts", "notifier", "arrivals", "stats")
CONNECTIONS = 8
"""Each plans every statement for itself, and a stage lives for a few seconds."""


class HeldClock(SyncedClock):
    """Moves by `advance` alone: it takes no correction from the database's clock, which goes on."""

    def __init__(self, start: datetime = START) -> None:
        self._hand = ManualClock(start)
        super().__init__(self._hand)
        self.error = 0.0
        self.moments = [start]
        """Every time it has shown."""

    def correct(self, *, shared: datetime, sent: datetime, received: datetime) -> None:
        """Nothing to do."""

    def advance(self, seconds: float) -> None:
        self._hand.advance(seconds)
        self.moments.append(self.now())


@dataclass
class Stage:
    """A house on a held clock, its strings and its windows."""

    house: House
    clock: HeldClock
    http: httpx.AsyncClient
    session: aiohttp.ClientSession
    database: asyncpg.Connection
    keepsake: Keepsake = field(repr=False)
    folder: Path
    looking: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """One connection, and many who look."""
    count: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def urls(self) -> dict[str, str]:
        return self.house.urls

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def unix(self) -> int:
        return int(self.now.timestamp())

    async def advance(self, seconds: float) -> None:
        """Time jumps for everybody: the programs, TikTok, the customers. Whoever rests is told, and looks at alarms;
        by themselves they look rarely here, because ever so many houses looking often is what a run would spend.

        What is under way ends before a jump past its lease: else it would be taken for lost and done twice.
        """
        if seconds >= min(itertools.chain(*LEASES_S.values())):
            await self.quiet()
        self.clock.advance(seconds)
        for bell in BELLS:
            await self.house.broker.ring(bell)

    async def past_refresh(self) -> None:
        """After a jump past the life of tokens: whoever needed one that somebody else was refreshing at that moment, as
        the publisher does ahead of time by itself, looks again two seconds later. That is when this returns."""
        await self.quiet()
        await self.advance(3)

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        """Pulls a string of the simulator; fails loudly."""
        return await self._ask(method, f"{self.urls['simulator']}/_sim/{path}", body)

    async def _ask(self, method: str, url: str, body: Any = None, *, status: int | None = None, **more: Any) -> Any:
        """By aiohttp: a house is asked two hundred times for a test, and httpx takes ten times as long for each."""
        given = {"json": body} if body is not None else {}
        async with self.session.request(method, url, **given, **more) as reply:
            content = await reply.read()
            assert reply.ok if status is None else reply.status == status, (reply.status, content.decode())
        return json.loads(content) if content else None

    async def api(self, method: str, path: str, body: Any = None, *, status: int | None = None, **more: Any) -> Any:
        """Asks the api as the operator; `status` None takes any success."""
        headers = {"Authorization": f"Bearer {self.keepsake.operator_key}", **more.pop("headers", {})}
        if "content" in more:
            more["data"] = io.BytesIO(more.pop("content"))
        return await self._ask(method, f"{self.urls['api']}/v1/{path}", body, status=status, headers=headers, **more)

    async def guest(self, *, customer_id: str = "", endpoint: Mapping[str, Any] | None = None, **creator: Any) -> Guest:
        """A new customer, unless one is given, whose creator is `creator` at TikTok."""
        name = f"guest{next(self.count)}"
        customer_id = customer_id or (await self.api("POST", "customers", {"name": name}))["id"]
        account = await self.connect(customer_id, username=name, **creator)
        await self.quiet()  # the endpoint comes too late to hear of the account
        url = f"{self.urls['simulator']}/_sim/customer/{name}"
        wanted = {"customer_id": customer_id, "url": url, "events": ["*"], **(endpoint or {})}
        made = await self.api("POST", "endpoints", wanted)
        await self.sim("PUT", f"customer/{name}", {"secret": made["secret"]})
        return Guest(self, name, customer_id, account["id"], account["open_id"], made["id"], made["secret"])

    async def connect(self, customer_id: str, *, username: str, **creator: Any) -> dict[str, Any]:
        """A new creator at TikTok, connected for that customer."""
        given = await self.sim("POST", "accounts", {"username": username, "private": False, **creator})
        return await self.adopt(customer_id, given)

    async def adopt(self, customer_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Connects an account with the tokens that TikTok gave."""
        wanted = {"customer_id": customer_id, "scopes": given["scope"].split(",")}
        same = ("open_id", "access_token", "refresh_token", "expires_in", "refresh_expires_in")
        made: dict[str, Any] = await self.api("POST", "accounts", wanted | {name: given[name] for name in same})
        return made

    async def upload(self, customer_id: str, content: bytes) -> str:
        """The id of a new media file of that customer."""
        video = {"Content-Type": "video/mp4"}
        made = await self.api("POST", f"media?customer_id={customer_id}", content=content, headers=video)
        return str(made["id"])

    async def get(self, post_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.api("GET", f"posts/{post_id}")
        return found

    async def timeline(self, post_id: str) -> list[str]:
        return [entry["kind"] for entry in (await self.api("GET", f"posts/{post_id}/timeline"))["data"]]

    async def until(self, post_id: str, state: str, *, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """The post, once it is in this state. The api is asked once the row says so: asking costs ten times as much."""

        async def reached() -> dict[str, Any] | None:
            if (await self.row("select state from posts where id = $1", post_id))["state"] != state:
                return None
            post = await self.get(post_id)
            return post if post["state"] == state else None

        try:
            return await eventually(reached, timeout=timeout)
        except AssertionError:
            raise AssertionError(await self._story(await self.get(post_id))) from None

    async def _story(self, post: Mapping[str, Any]) -> tuple[Any, ...]:
        """What to read when a post is not where it should be; the alarm in seconds from now."""
        row = await self.row("select alarm, in_lane from posts where id = $1", post["id"])
        due_s = (row["alarm"] - self.now).total_seconds() if row["alarm"] else None
        return post["state"], post["problem"], await self.timeline(post["id"]), {"due_s": due_s, "lane": row["in_lane"]}

    async def waits(self, post_id: str, state: str, *, after: str = "") -> dict[str, Any]:
        """The post, once nobody works on it and it waits in this state, with `after` on its timeline."""

        async def noted() -> bool:
            return not after or after in await self.timeline(post_id)

        await eventually(noted, timeout=PATIENCE_S)
        await self.until(post_id, state)
        await self.quiet()
        return await self.until(post_id, state)

    async def says(
        self, event: str, content: Mapping[str, Any] | None = None, *, user_openid: str | None, **more: Any
    ) -> dict[str, Any]:
        """TikTok says this by webhook, signed, and ingest has answered 200."""
        told = {"event": event, "content": dict(content or {}), "user_openid": user_openid, **more}
        hook = await self.sim("POST", "webhooks", told)

        async def answered() -> dict[str, Any]:
            rows = (await self.sim("GET", f"webhooks?event={event}&limit=1000"))["webhooks"]
            row: dict[str, Any] = next(row for row in rows if row["seq"] == hook["seq"])
            assert row["state"] == "delivered", row
            return row

        return await eventually(answered)

    def sign(self, body: bytes, *, t: int | None = None, secret: str | None = None) -> str:
        """`TikTok-Signature` as the fact sheet has it (6.2), by nothing of ours."""
        t = self.unix if t is None else t
        mac = hmac.new((secret or self.keepsake.tiktok_client_secret).encode(), b"%d." % t + body, "sha256")
        return f"t={t},s={mac.hexdigest()}"

    def envelope(self, event: str, content: Any, /, **more: Any) -> bytes:
        """A webhook's body; `content` that is no text becomes JSON in text."""
        inner = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
        body = {
            "client_key": self.keepsake.tiktok_client_key,
            "event": event,
            "create_time": self.unix,
            "user_openid": "-000x",
            "content": inner,
        }
        kept = {name: value for name, value in (body | more).items() if value is not None}
        return json.dumps(kept, separators=(",", ":")).encode()

    async def hear(self, body: bytes, *, signature: str | None = None) -> int:
        """Ingest hears these bytes, truly signed unless told otherwise ("" sends none); how it answered."""
        signature = self.sign(body) if signature is None else signature
        headers = {"TikTok-Signature": signature} if signature else {}
        url = f"{self.urls['ingest']}/webhooks/tiktok"
        return (await self.http.post(url, content=body, headers=headers)).status_code

    async def publication(self, publish_id: str) -> dict[str, Any]:
        """A publication as TikTok sees it."""
        found: dict[str, Any] = await self.sim("GET", f"publications/{publish_id}")
        return found

    async def publications(self, guest: Guest) -> list[dict[str, Any]]:
        """All publications of one account as TikTok sees them, oldest first."""
        world = await self.sim("GET", f"world?open_id={guest.open_id}")
        assert world["duplicates"] == []
        assert world["health"]["unscripted_errors"] == 0
        found: list[dict[str, Any]] = world["publications"]
        return found

    async def calls(self, endpoint: str, guest: Guest) -> list[dict[str, Any]]:
        """The calls that TikTok saw for one account, oldest first."""
        found: list[dict[str, Any]] = (await self.sim("GET", f"calls?endpoint={endpoint}&open_id={guest.open_id}"))[
            "calls"
        ]
        return found

    async def row(self, query: str, *args: Any) -> dict[str, Any]:
        """One row of the database."""
        async with self.looking:
            found = await self.database.fetchrow(query, *args)
        assert found is not None
        return dict(found)

    async def quiet(self, *, timeout: float = PATIENCE_S) -> None:
        """Returns once nothing is due for anybody at this moment: what has not happened by now will not by itself."""

        async def still() -> bool:
            await self._nothing_due()
            hooks = (await self.sim("GET", "webhooks?state=pending&limit=1000"))["webhooks"]
            due = [hook for hook in hooks if _due(hook["next_at"], self.now)]
            assert not due, due
            await self._nothing_due()  # once more: what was sent meanwhile was heard meanwhile
            return True

        await eventually(still, timeout=timeout)

    async def _nothing_due(self) -> None:
        leases = [self._leases(seconds) for seconds in (*LEASES_S.values(), [LANE_LEASE.total_seconds()])]
        row = await self.row(_DUE, self.now, *leases)
        assert not any(row.values()), row

    def _leases(self, seconds: Sequence[float]) -> list[datetime]:
        """When leases end that may be running: one taken just before the clock was moved is still work under way."""
        ends = [moment + timedelta(seconds=one) for moment in self.clock.moments for one in seconds]
        return [end for end in ends if end > self.now]

    async def metrics(self, program: str) -> dict[str, float]:
        """`name{labels}` → value."""
        text = (await self.http.get(f"{self.urls[program]}/metrics")).text
        lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}


LEASES_S = {"posts": [89.837, 90.0, 270.0], "deliveries": [119.837]}
"""How long each is claimed for: an alarm exactly so long after a moment of a clock that moves by hand means work under
way. Odd, so that no wait that a test brings about ends where a lease of an earlier moment would."""

_DUE = """
with leases (posts, deliveries, lanes) as (values ($2::timestamptz[], $3::timestamptz[], $4::timestamptz[]))
select (select count(*) from posts p
        where (p.alarm <= $1 and (not p.in_lane or exists (
                  select from post_lanes l
                  where l.account_id = p.account_id and (l.alarm <= $1 or l.alarm = any(leases.lanes)))))
           or p.alarm = any(leases.posts)) as posts,
       (select count(*) from accounts where refreshing_until > $1) as refreshes,
       (select count(*) from facts f where f.settled_at is null and (f.alarm <= $1 or f.publish_id = ''
            or exists (select from publications p where p.publish_id = f.publish_id))) as facts,
       (select count(*) from events where fan_out_at is not null) as events,
       (select count(*) from events where relay_at is not null) as unrelayed,
       (select count(*) from deliveries d join endpoint_lanes l using (endpoint_id)
        where (d.alarm <= $1 and coalesce(l.paused_until, '-infinity') <= $1)
           or d.alarm = any(leases.deliveries)) as deliveries
from leases
"""


def _due(at: str | None, now: datetime) -> bool:
    return at is None or datetime.fromisoformat(at) <= now


ODD_TIME = """select body from events where body like '%+00:00"%' limit 1"""


@asynccontextmanager
async def open_stage(
    database_url: str,
    folder: Path,
    *,
    programs: Collection[str] = PROGRAMS,
    clock: HeldClock | None = None,
    keepsake: Keepsake | None = None,
    knobs: str = "",
    **environ: str,
) -> AsyncIterator[Stage]:
    """A house that is fully awake; `environ` goes to its programs, `knobs` to TikTok."""
    clock = clock or HeldClock()
    folder.mkdir(exist_ok=True)
    keepsake = keepsake or Keepsake.of(folder)
    given = {
        **FREE_PORTS,
        "SIMULATOR_KNOBS": ",".join(filter(None, (KNOBS, knobs))),
        "TIKTOK_AUDITED": "true",
        "TIKTOK_SITE_VERIFICATION": "Proof1",
        "STATS_EVERY_H": "0",
        "PUBLISHER_IDLE_S": "0.5",
        "PUBLISHER_LEASE_S": "89.837",
        "NOTIFIER_IDLE_S": "0.5",
        "NOTIFIER_LEASE_S": "119.837",
        **environ,
    }
    places = Places(database_url=database_url, folder=folder, keepsake=keepsake, environ=given)
    async with House(places, programs=programs, clock=clock, connections=CONNECTIONS) as house:
        database = await asyncpg.connect(database_url)
        try:
            async with (
                httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as http,
                aiohttp.ClientSession() as session,
            ):
                yield Stage(house, clock, http, session, database, keepsake, folder)
            odd = await database.fetchval(ODD_TIME)
            assert odd is None, f"an event writes UTC otherwise than Z: {odd}"
        finally:
            await database.close()
