"""`python -m bench.sender`: sends a file over HTTP/1.1 as cheaply as a machine can, by `sendfile`, and times it."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

from bench.child import BenchError
from bench.script import Answer, converse

ANSWER_S = 300.0
"""Until the last byte is answered: what came is hashed, synced and looked into meanwhile."""
HEAD_MAX = 64 * 1024


async def _sender() -> tuple[dict[str, Any], Answer]:
    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        if command.pop("do") != "send":
            raise BenchError("the sender knows only send")
        return await asyncio.to_thread(_send, **command)

    return {"started": True}, answer


def _send(*, port: int, path: str, headers: dict[str, str], file: str) -> dict[str, Any]:
    """Seconds from the first byte of the request to the last of its answer."""
    body = Path(file)
    given = {"Host": "127.0.0.1", "Content-Length": str(body.stat().st_size), "Connection": "close", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as line, body.open("rb") as content:
        began = time.perf_counter()
        line.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode())
        line.sendfile(content)
        said = b""
        while len(said) < HEAD_MAX and (piece := line.recv(HEAD_MAX)):
            said += piece
        took = time.perf_counter() - began
    return {"seconds": took, "status": int(said.split(b" ", 2)[1]), "answer": said[-2000:].decode(errors="replace")}


if __name__ == "__main__":
    converse(_sender)
