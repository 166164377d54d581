"""A worker process: takes one job after another from its pipe and opens strangers' files. Never runs in a service.

Started by ``workers`` as ``python -m libs.media.worker``. It may die at any time; that is what it is for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from libs.media.confine import confine, limit
from libs.media.finding import Reason, Unreadable
from libs.media.frame import HEADER_BYTES, TROUBLES, body_length, packed, unpacked

Report = Callable[[float], None]
"""Tells the parent how much of the job is done, 0 … 1."""
Run = Callable[[Mapping[str, Any], Report], Mapping[str, Any]]


def main() -> None:
    """Serve until the pipe closes."""
    requests, replies = _own_pipes()
    confine()
    from libs.media.job import run  # the codecs load after the worker has taken its rights away

    _send(replies, {"ready": True})
    while header := requests.read(HEADER_BYTES):
        message = unpacked(requests.read(body_length(header)))
        _send(replies, {"result": _outcome(run, message, lambda done: _send(replies, {"progress": done}))})


def _outcome(run: Run, message: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
    limits = message["limits"]
    limit(cpu_s=limits["cpu_s"], memory_bytes=limits["memory_bytes"], output_bytes=limits["output_bytes"])
    try:
        return run(message, report)
    except MemoryError:
        return asdict(Unreadable(reason=Reason.MEMORY, detail="reading it takes more memory than allowed"))
    except Exception as exc:  # a stranger's file may make any library raise anything
        if (number := getattr(exc, "errno", None)) in TROUBLES:
            return {"kind": "trouble", "errno": number}
        return asdict(Unreadable(reason=Reason.CRASHED, detail=f"reading it failed with {type(exc).__name__}"))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipe to the parent under other numbers: what a library prints must not end up in it."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, replies


def _send(replies: BinaryIO, message: Mapping[str, Any]) -> None:
    rest = memoryview(packed(message))
    while rest:
        rest = rest[replies.write(rest) :]


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(0)  # the parent is gone
