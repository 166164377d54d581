"""The gate every TikTok call passes: time settled, faults applied, refusals rendered, everything logged."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from libs.runtime.clock import Clock
from services.simulator.engine.dials import Dials
from services.simulator.engine.effect import befall
from services.simulator.engine.stage import Stage
from services.simulator.engine.webhook import Webhooks
from services.simulator.fault.book import FaultBook
from services.simulator.fault.rule import Do, Facts, Fault
from services.simulator.log import Call, CallLog, shown_body
from services.simulator.wire import socket
from services.simulator.wire.answer import Answer, html_error, oauth_refused, refused, upload_refused
from services.simulator.wire.held import Held, pause
from services.simulator.wire.request import Request
from services.simulator.world.error import Code, OAuthRefused, Refused, UploadRefused
from services.simulator.world.world import World

log = structlog.get_logger()

HANG_S = 60.0
DRIP_S = 0.05
WEBHOOK_WAIT_S = 10.0
GARBAGE = b"\x1f\x8b\x08\x00{]<html>\xff"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A call of the sheet: its name in faults and logs, where it lives, who answers. `streams`: reads its own body."""

    name: str
    method: str
    path: str
    handler: Callable[[Request], Awaitable[Answer]]
    streams: bool = False


class Gate:
    """Turns endpoints into aiohttp handlers. Set `closing` before stopping the server, so that hung calls end."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        dials: Dials,
        stage: Stage,
        *,
        faults: FaultBook,
        webhooks: Webhooks,
        calls: CallLog,
        held: Held,
    ) -> None:
        self._world = world
        self._clock = clock
        self._dials = dials
        self._stage = stage
        self._faults = faults
        self._webhooks = webhooks
        self._calls = calls
        self._held = held
        self.closing = asyncio.Event()
        self.unscripted_errors = 0

    def mount(self, app: web.Application, endpoints: list[Endpoint]) -> None:
        for endpoint in endpoints:
            app.router.add_route(endpoint.method, endpoint.path, self._handler(endpoint))

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(http: web.Request) -> web.StreamResponse:
            return await self._handle(endpoint, http)

        return handle

    async def _handle(self, endpoint: Endpoint, http: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        call = self._calls.add(at=self._clock.now(), method=http.method, path=http.path_qs, endpoint=endpoint.name)
        try:
            body = b"" if endpoint.streams else await http.read()
            request = self._request(http, call, body)
            facts = facts_of(endpoint, request)
            faults = self._faults.for_call(facts)
            call.faults = [fault.name or fault.do.value for fault in faults]
            broken = await self._before(request, facts, faults)
            if broken is not None:
                return broken
            if any(fault.do is Do.LATENCY for fault in faults):
                request = self._request(http, call, body)
            answer = self._scripted(faults, request) or await self._answer(endpoint, request)
            answer = await self._after(request, facts, faults, answer)
            call.status, call.code = answer.status, answer.code
            call.response = shown_body(answer.body)
            return await self._deliver(http, call, faults, answer)
        except web.HTTPRequestEntityTooLarge:
            call.status = 413
            raise
        except (ConnectionError, web.RequestPayloadError, asyncio.IncompleteReadError):
            call.outcome = "client_gone"
            return socket.cut(http)
        except Exception:
            self.unscripted_errors += 1
            raise
        finally:
            call.ms = (time.perf_counter() - started) * 1000
            self._calls.count(call)

    def _request(self, http: web.Request, call: Call, body: bytes) -> Request:
        self._stage.settle()
        now = self._clock.now()
        call.at, call.received_bytes = now, len(body)
        call.log_id = call.log_id or self._world.ids.log_id(now)
        parsed = parse(http, body)
        if body:
            call.request = shown_body(body, parsed)
        return Request(http, self._world, self._dials.now, now, call.log_id, call, body, parsed)

    async def _before(self, request: Request, facts: Facts, faults: list[Fault]) -> web.StreamResponse | None:
        for fault in faults:
            match fault.do:
                case Do.LATENCY:
                    with self._held.waiting(facts.open_id or "") as go:
                        await pause(go, self._faults.wait_s(fault))
                case Do.EFFECT:
                    self._befall(fault, facts)
                case Do.RESET:
                    request.call.outcome = "reset"
                    return socket.cut(request.http)
                case Do.HANG:
                    request.call.outcome = "hung"
                    return await socket.hang(request.http, fault.seconds or HANG_S, self.closing)
                case _:
                    continue
        return None

    def _scripted(self, faults: list[Fault], request: Request) -> Answer | None:
        for fault in faults:
            if fault.do is Do.STATUS:
                return html_error(fault.status)
            if fault.do is Do.ERROR:
                knobs = self._dials.now
                if fault.code is not None:
                    return refused(Refused(fault.code, fault.message), log_id=request.log_id, knobs=knobs)
                error = OAuthRefused(fault.oauth_error or "server_error", fault.message or "Scripted.")
                return oauth_refused(error, log_id=request.log_id, knobs=knobs)
        return None

    async def _answer(self, endpoint: Endpoint, request: Request) -> Answer:
        knobs = request.knobs
        try:
            return await endpoint.handler(request)
        except Refused as error:
            return refused(error, log_id=request.log_id, knobs=knobs)
        except OAuthRefused as error:
            return oauth_refused(error, log_id=request.log_id, knobs=knobs)
        except UploadRefused as error:
            pub = self._world.uploads.get(_number(request.http.query.get("upload_id")))
            return upload_refused(error, pub.upload if pub else None)
        except (ConnectionError, web.HTTPException, web.RequestPayloadError, asyncio.IncompleteReadError):
            raise
        except Exception as error:
            self.unscripted_errors += 1
            log.exception("call.crashed", endpoint=endpoint.name, error=repr(error))
            return refused(Refused(Code.INTERNAL), log_id=request.log_id, knobs=knobs)

    async def _after(self, request: Request, facts: Facts, faults: list[Fault], answer: Answer) -> Answer:
        for fault in faults:
            match fault.do:
                case Do.EFFECT_AFTER:
                    self._befall(fault, facts)
                case Do.WEBHOOK_FIRST if request.call.publish_id is not None:
                    await self._webhook_first(request.call.publish_id, fault)
                case Do.STATUS_AFTER:
                    answer = html_error(fault.status)
                case Do.GARBAGE_AFTER:
                    answer = Answer(200, GARBAGE)
                case _:
                    continue
        return answer

    async def _webhook_first(self, publish_id: str, fault: Fault) -> None:
        pub = self._world.publications.get(publish_id)
        if pub is not None and fault.fail_reason is not None:
            self._stage.fail(pub, fault.fail_reason, now=self._clock.now())
        await self._webhooks.wait_answered(
            lambda hook: hook.publish_id == publish_id, timeout=fault.seconds or WEBHOOK_WAIT_S
        )

    async def _deliver(self, http: web.Request, call: Call, faults: list[Fault], answer: Answer) -> web.StreamResponse:
        for fault in faults:
            match fault.do:
                case Do.RESET_AFTER:
                    call.outcome = "reset"
                    return socket.cut(http)
                case Do.HANG_AFTER:
                    call.outcome = "hung"
                    return await socket.hang(http, fault.seconds or HANG_S, self.closing)
                case Do.TRUNCATED_BODY:
                    call.outcome = "truncated"
                    return await socket.truncate(http, answer)
                case Do.SLOW_BODY:
                    with self._held.waiting(call.open_id or "") as go:
                        return await socket.drip(http, answer, fault.seconds or DRIP_S, go)
                case _:
                    continue
        return socket.whole(answer)

    def _befall(self, fault: Fault, facts: Facts) -> None:
        grant = self._world.grants.get(facts.open_id) if facts.open_id else None
        creator = self._world.owner(grant) if grant else None
        if grant is not None and creator is not None and fault.effect is not None:
            befall(
                fault.effect,
                grant,
                creator,
                world=self._world,
                stage=self._stage,
                knobs=self._dials.now,
                reason=fault.reason,
                now=self._clock.now(),
            )


async def unsupported(request: Request) -> Answer:
    """A path without its trailing slash, or with the wrong method: the gateway knows no such thing."""
    raise Refused(Code.UNSUPPORTED_PATH)


def parse(http: web.Request, body: bytes) -> Any:
    """The body for faults and the log, read leniently; handlers read it strictly."""
    try:
        if http.content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def facts_of(endpoint: Endpoint, request: Request) -> Facts:
    """What this call is about, as far as it can be told before answering it."""
    world = request.world
    parsed = request.parsed if isinstance(request.parsed, dict) else {}
    publish_id = parsed.get("publish_id")
    facts: dict[str, Any] = {"endpoint": endpoint.name}
    if isinstance(publish_id, str):
        facts["publish_id"] = request.call.publish_id = publish_id
    token = world.access.get(request.bearer())
    facts["open_id"] = token.open_id if token else None
    if endpoint.name.startswith("oauth/"):
        facts["grant_type"] = str(parsed.get("grant_type", ""))
        known = world.refresh.get(str(parsed.get("refresh_token"))) or world.access.get(str(parsed.get("token")))
        facts["open_id"] = known.open_id if known else None
    if endpoint.streams and (pub := world.uploads.get(_number(request.http.query.get("upload_id")))) is not None:
        facts.update(open_id=pub.open_id, publish_id=pub.publish_id)
        if pub.upload is not None:
            first = request.http.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            index = _number(first) // pub.upload.chunk_size
            index = min(index, pub.upload.chunk_count - 1)
            facts.update(chunk=index + 1, last_chunk=index == pub.upload.chunk_count - 1)
            request.call.chunk = index + 1
        request.call.publish_id = pub.publish_id
    request.call.open_id = facts["open_id"]
    return Facts(**facts)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else 0
