"""A worker that speaks the protocol and does, for each job, the harm that the job names. Run as a program."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from libs.media.confine import confine, limit
from libs.media.frame import HEADER_BYTES, body_length, packed, unpacked


def send(message: Mapping[str, Any]) -> None:
    os.write(1, packed(message))


def main() -> None:
    if "--mute" in sys.argv:
        print("ImportError: no codec here", file=sys.stderr)
        return
    confine()
    send({"ready": True})
    while header := sys.stdin.buffer.read(HEADER_BYTES):
        message = unpacked(sys.stdin.buffer.read(body_length(header)))
        limits = message["limits"]
        limit(cpu_s=limits["cpu_s"], memory_bytes=1 << 40, output_bytes=limits["output_bytes"])
        harm(message)


def harm(message: Mapping[str, Any]) -> None:
    match message["job"]:
        case "environment":
            send({"result": {"environment": dict(os.environ), "pid": os.getpid()}})
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "exit":
            os._exit(3)
        case "spin":
            while True:
                pass
        case "hang":
            signal.pause()
        case "killed once" if not Path(message["path"]).exists():
            Path(message["path"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case "killed once":
            send({"result": {"survived": True}})
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "rubbish":
            os.write(1, struct.pack(">I", 10) + b"not json!!")
        case "huge":
            os.write(1, b"\xff\xff\xff\xff")
        case "list":
            os.write(1, struct.pack(">I", 2) + b"[]")
        case "progress":
            for done in (0.25, 0.5, 7, "x"):
                send({"progress": done})
            send({"result": {}})
        case "write":
            try:
                Path(message["path"]).write_bytes(bytes(limits_of(message) + 1))
            except OSError as exc:
                send({"result": {"errno": exc.errno}})
        case "print":
            print("chatter", file=sys.stderr)
            send({"result": {}})


def limits_of(message: Mapping[str, Any]) -> int:
    return int(message["limits"]["output_bytes"])


main()
