"""`python -m bench.sink`: the customers. Answers 200 to every POST, remembers what came and when its first byte did.

Listens on several ports, one per customer, so that clients that count connections per host meet several hosts.
`GET /count` and the command `count` tell how many came; `told` and `arrivals` tell more, `forget` empties its memory.
`hang` names the paths that are never answered, until it names others; what came to them is counted apart, as `hung`.
"""

import asyncio
import time
from typing import Any, cast

from bench.child import BenchError
from bench.script import Answer, converse

PORTS = 4
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_ID = b"\r\nwebhook-id: "
_LENGTH = b"\r\nContent-Length: "


class Memory:
    """What arrived, in order: (webhook id or "", Unix seconds of its first byte)."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, float]] = []
        self.hanging: frozenset[bytes] = frozenset()
        self.hung = 0

    def told(self) -> dict[str, Any]:
        came = self.arrivals
        distinct = len({id_ for id_, _ in came})
        ends = {"first": came[0][1], "last": came[-1][1]} if came else {"first": None, "last": None}
        return {"count": len(came), "distinct": distinct, **ends}


class Customer(asyncio.Protocol):
    """One connection. Reads whole requests, however they are cut into segments."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._transport: asyncio.Transport | None = None
        self._part = b""
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestors

    def data_received(self, data: bytes) -> None:
        if self._part:
            data = self._part + data
            self._part = b""
        else:
            self._since = time.time()
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._part = data
                return
            whole = end + 4 + _length(data, end)
            if len(data) < whole:
                self._part = data
                return
            self._answer(data, end)
            data = data[whole:]

    def _answer(self, data: bytes, end: int) -> None:
        assert self._transport is not None
        if data.startswith(b"GET "):
            body = b'{"count":%d}' % len(self._memory.arrivals)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self._transport.write(head % len(body) + body)
            return
        if self._memory.hanging and data[5 : data.find(b" ", 5)] in self._memory.hanging:
            self._memory.hung += 1
            return
        at = data.find(_ID, 0, end)
        id_ = data[at + len(_ID) : data.find(b"\r", at + 2)].decode() if at >= 0 else ""
        self._memory.arrivals.append((id_, self._since))
        self._transport.write(ANSWER)


def _length(data: bytes, end: int) -> int:
    at = data.find(_LENGTH, 0, end)
    if at < 0:
        return 0
    at += len(_LENGTH)
    return int(data[at : data.find(b"\r", at)])


async def _start() -> tuple[dict[str, Any], Answer]:
    memory = Memory()
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Customer(memory), "127.0.0.1", 0, backlog=1024) for _ in range(PORTS)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "count":
                return {"count": len(memory.arrivals), "hung": memory.hung}
            case "hang":
                memory.hanging, memory.hung = frozenset(path.encode() for path in command["paths"]), 0
                return {}
            case "told":
                return memory.told()
            case "arrivals":
                return memory.told() | {"arrivals": memory.arrivals}
            case "forget":
                memory.arrivals = []
                return {}
            case other:
                raise BenchError(f"the sink knows no {other}")

    return {"urls": urls}, answer


if __name__ == "__main__":
    converse(_start)
