"""What customers got and how they are told to answer."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.simulator.customer.verdict import Verdict, judge

MAX_CUSTOMERS = 1_000
MAX_BODY = 1 << 20


class Reply(BaseModel):
    """How the customer answers one delivery. Times are real seconds: they are meant for a sender's real timeouts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Annotated[int, Field(ge=100, le=599)] = 200
    body: str = Field("", max_length=1 << 20)
    headers: dict[str, str] = Field(default_factory=dict)
    delay_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    retry_after: str | None = Field(None, description="seconds or an HTTP date, sent as it is")
    redirect: str | None = Field(None, description="Location of a 302, unless `status` says another 3xx")
    reset: bool = Field(False, description="reset the connection instead of answering")
    slow_s: Annotated[float, Field(ge=0, le=60)] = Field(0.0, description="seconds between the body's bytes")
    huge_bytes: Annotated[int, Field(ge=0, le=1 << 30)] = Field(0, description="a body of so many bytes")
    gzip_bomb_bytes: Annotated[int, Field(ge=0, le=1 << 28)] = Field(0, description="so many zero bytes, gzipped")
    huge_header_bytes: Annotated[int, Field(ge=0, le=1 << 20)] = 0


class Setup(BaseModel):
    """PUT /_sim/customer/{name}: everything is optional; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str | list[str] | None = Field(None, description="`whsec_…`, `whpk_…`, `tiktok_<client secret>`")
    answer: Reply | None = Field(None, description="from now on")
    script: list[Reply] | None = Field(None, max_length=10_000, description="answered once each, before `answer`")

    @field_validator("secret")
    @classmethod
    def _keys(cls, value: str | list[str] | None) -> str | list[str] | None:
        for key in [value] if isinstance(value, str) else value or []:
            if not key.startswith(("whsec_", "whpk_", "tiktok_")):
                raise ValueError("a key begins with whsec_, whpk_ or tiktok_")
        return value


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery as it came."""

    seq: int
    at: datetime
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    verdict: Verdict
    answered: int | None

    def shown(self) -> dict[str, Any]:
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            parsed = None
        verdict = self.verdict
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "method": self.method,
            "path": self.path,
            "id": self.headers.get("webhook-id"),
            "type": parsed.get("type") or parsed.get("event") if isinstance(parsed, dict) else None,
            "signature": verdict.signature,
            "scheme": verdict.scheme,
            "fresh": verdict.fresh,
            "good": verdict.good,
            "reason": verdict.reason,
            "answered": self.answered,
            "headers": self.headers,
            "json": parsed,
            "text": None if parsed is not None else self.body[:4096].decode("utf-8", "replace"),
        }


@dataclass(slots=True)
class Customer:
    """An inbox of the newest `most` deliveries; `ids` counts every distinct webhook-id ever seen (bounded too)."""

    name: str
    most: int
    keys: tuple[str, ...] = ()
    answer: Reply = field(default_factory=Reply)
    script: deque[Reply] = field(default_factory=deque)
    inbox: deque[Received] = field(default_factory=deque)
    total: int = 0
    bad: int = 0
    ids: dict[str, int] = field(default_factory=dict)

    def setup(self, setup: Setup) -> None:
        if setup.secret is not None:
            self.keys = (setup.secret,) if isinstance(setup.secret, str) else tuple(setup.secret)
        if setup.answer is not None:
            self.answer = setup.answer
        if setup.script is not None:
            self.script = deque(setup.script)

    def next_reply(self) -> Reply:
        return self.script.popleft() if self.script else self.answer

    def receive(
        self, *, method: str, path: str, headers: dict[str, str], body: bytes, reply: Reply, now: datetime
    ) -> Received:
        """Keeps the delivery with its verdict. `headers` have lower-case names."""
        self.total += 1
        verdict = judge(headers, body, keys=self.keys, now=now)
        self.bad += verdict.signature in ("invalid", "missing")
        got = Received(self.total, now, method, path, headers, body, verdict, None if reply.reset else reply.status)
        self.inbox.append(got)
        if len(self.inbox) > self.most:
            self.inbox.popleft()
        if message_id := headers.get("webhook-id"):
            self.ids[message_id] = self.ids.get(message_id, 0) + 1
            if len(self.ids) > self.most * 10:
                self.ids.pop(next(iter(self.ids)))
        return got

    def summary(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "received": self.total,
            "distinct_ids": len(self.ids),
            "duplicates": sum(count - 1 for count in self.ids.values()),
            "bad_signatures": self.bad,
            "keys": len(self.keys),
            "answer": self.answer.model_dump(exclude_defaults=True),
            "script_left": len(self.script),
        }


class Customers:
    """By name; the first delivery or PUT makes one."""

    def __init__(self, inbox: int) -> None:
        self._inbox = inbox
        self._known: dict[str, Customer] = {}

    def named(self, name: str) -> Customer:
        if name not in self._known:
            while len(self._known) >= MAX_CUSTOMERS:
                self._known.pop(next(iter(self._known)))
            self._known[name] = Customer(name, self._inbox)
        return self._known[name]

    def forget(self, name: str) -> bool:
        return self._known.pop(name, None) is not None

    def clear(self) -> None:
        self._known.clear()

    def listing(self) -> list[dict[str, Any]]:
        return [customer.summary() for customer in self._known.values()]
