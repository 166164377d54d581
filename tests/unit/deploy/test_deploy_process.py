import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.errors import ServerFailed
from deploy.process import Leash, command_line, end, end_stranger, free_port, is_free

_SLEEPER = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
_STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]

_ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def running(argv: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"up\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()

    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_the_command_line_of_a_live_process_is_known() -> None:
    with running(_SLEEPER) as process:
        assert command_line(process.pid)[-1].endswith("time.sleep(600)")


def test_a_zombie_counts_as_gone() -> None:
    with running(_SLEEPER) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped

        assert command_line(process.pid) == ()


def test_a_number_without_process_has_no_command_line() -> None:
    with running(_SLEEPER) as process:
        pass

    assert command_line(process.pid) == ()


def test_an_obedient_process_ends_on_the_first_signal() -> None:
    with running(_SLEEPER) as process:
        end(process, ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)))

        assert process.returncode == -signal.SIGTERM


def test_a_stubborn_process_ends_on_the_last_signal() -> None:
    with running(_STUBBORN) as process:
        end(process, ((signal.SIGTERM, 0.05), (signal.SIGKILL, 5.0)))

        assert process.returncode == -signal.SIGKILL


def test_a_process_that_survives_every_signal_is_reported() -> None:
    with running(_STUBBORN) as process, pytest.raises(ServerFailed, match=f"{process.pid} did not end on SIGTERM"):
        end(process, ((signal.SIGTERM, 0.05),))


def test_a_stranger_is_ended_too() -> None:
    with running(_SLEEPER) as process:
        end_stranger(process.pid, ((signal.SIGTERM, 5.0),))

        assert process.wait(5) == -signal.SIGTERM


def test_a_released_leash_leaves_the_process_alone() -> None:
    with running(_SLEEPER) as process:
        Leash(process.pid, signal.SIGTERM).release()

        assert process.poll() is None


def test_a_leash_ends_the_server_of_a_killed_starter() -> None:
    starter = (
        "import subprocess, sys, signal\n"
        "from deploy.process import Leash\n"
        "server = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "leash = Leash(server.pid, signal.SIGTERM)\n"
        "print(server.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
    ) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        assert command_line(server)

        process.kill()

    # No signals of ours: waits for the leash to do its work.
    end_stranger(server, ((signal.Signals(signal.SIGCONT), 10.0),))
    assert command_line(server) == ()
