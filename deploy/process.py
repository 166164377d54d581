"""Child servers: where they may listen, how they end, and that they do not outlive us."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.errors import ServerFailed

# Below Linux' and macOS' ephemeral ranges, so that no outgoing connection sits on a remembered port.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A loopback TCP port nobody listens on now."""
    for _ in range(200):
        port = secrets.choice(_PORTS)
        if is_free(port):
            return port
    raise ServerFailed(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def command_line(pid: int) -> tuple[str, ...]:
    """The arguments of a live process; empty when there is none or only its zombie is left."""
    proc = Path("/proc") / str(pid)
    if Path("/proc/self/stat").exists():
        try:
            state = proc.joinpath("stat").read_text().rpartition(")")[2].split()[0]
            words = proc.joinpath("cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return ()
        return () if state in "ZX" else tuple(os.fsdecode(word) for word in words[:-1])
    listed = subprocess.run(["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, timeout=10)
    state, _, command = listed.stdout.strip().partition(" ")
    return () if not state or state.startswith("Z") else tuple(command.split())


def end(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Sends each signal and waits its seconds until the child is gone; raises `ServerFailed` if it survives all."""
    for number, seconds in steps:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    raise ServerFailed(f"process {process.pid} did not end on {steps[-1][0].name}")


def end_stranger(pid: int, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Like `end`, for a live process that is not our child."""
    for number, seconds in steps:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while command_line(pid):
            if time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        else:
            return
    raise ServerFailed(f"process {pid} did not end on {steps[-1][0].name}")


class Leash:
    """Ends a server when this process ends without having stopped it, be it by `kill -9`.

    A shell holds the read end of a pipe: a line means "released", the end of the pipe means that we are gone.
    Unlike PR_SET_PDEATHSIG this works everywhere and does not depend on which thread started the server.
    """

    def __init__(self, target: int, number: signal.Signals) -> None:
        """`target` as in kill(1): a pid, or minus a process group."""
        name = number.name.removeprefix("SIG")
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _ || kill -s "$0" -- "$1"', name, str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def release(self) -> None:
        """Call once the server is gone, so that its reused number is never signalled."""
        try:
            self._watcher.communicate(b"released\n", timeout=5)
        except subprocess.TimeoutExpired:
            self._watcher.kill()
            self._watcher.wait()
