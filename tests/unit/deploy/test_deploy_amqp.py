import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.amqp import LoginFailed, answers, log_in


def method(number: int, arguments: bytes = b"", *, connection_class: int = 10) -> bytes:
    payload = struct.pack(">HH", connection_class, number) + arguments
    return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"


START = method(
    10, b"\x00\x09" + struct.pack(">I", 0) + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5) + b"en_US"
)
TUNE = method(30, struct.pack(">HIH", 2047, 131072, 60))
OPEN_OK, CLOSE_OK, SILENCE = method(41, b"\x00"), method(51), b""
REFUSED = method(50, struct.pack(">HB", 403, 7) + b"REFUSED" + struct.pack(">HH", 0, 0))


@contextmanager
def broker(*replies: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Sends one reply for each frame it hears (the protocol header first), then hangs up."""
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        line, _ = listener.accept()
        with line:
            line.settimeout(5)
            with line.makefile("rb") as stream:
                for n, reply in enumerate(replies):
                    start = stream.read(8 if n == 0 else 7)
                    heard.append(start + (b"" if n == 0 else stream.read(struct.unpack(">I", start[3:])[0] + 1)))
                    line.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(5)


def test_a_log_in_opens_the_virtual_host_and_says_goodbye() -> None:
    with broker(START, TUNE, SILENCE, OPEN_OK, CLOSE_OK) as (port, heard):
        log_in(f"amqp://ann:s%40crt@127.0.0.1:{port}/a%2Fb")

    assert heard[0] == b"AMQP\x00\x00\x09\x01"
    assert b"\x00\x00\x00\x0a\x00ann\x00s@crt" in heard[1]
    assert b"\x03a/b" in heard[3]
    assert heard[4][7:11] == struct.pack(">HH", 10, 50)


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ((START, REFUSED), "refused: 403 REFUSED"),
        ((START, TUNE, SILENCE, REFUSED), "refused: 403 REFUSED"),
        ((b"AMQP\x00\x01\x00\x00",), "does not speak AMQP"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "does not speak AMQP"),
        ((struct.pack(">BHI", 1, 0, 2**31) + b"x" * 10,), "does not speak AMQP"),
        ((b"",), "closed the connection|reset"),
        ((START,), "closed the connection|reset"),
        ((TUNE,), "unexpected method"),
        ((method(10, connection_class=20),), "unexpected method"),
    ],
)
def test_anything_but_a_log_in_is_a_failure_that_says_how_far_it_went(replies: tuple[bytes, ...], message: str) -> None:
    with broker(*replies) as (port, _), pytest.raises(LoginFailed, match=message):
        log_in(f"amqp://guest:guest@127.0.0.1:{port}/")


def test_a_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(LoginFailed, match="timed out"):
        log_in(f"amqp://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.05)


def test_nobody_listening_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert not answers(f"amqp://127.0.0.1:{port}/")


@pytest.mark.parametrize("url", ["", "http://127.0.0.1/", "amqp:///", "127.0.0.1:5672"])
def test_what_is_not_an_amqp_url_is_a_failure(url: str) -> None:
    with pytest.raises(LoginFailed, match="not an amqp"):
        log_in(url)


def test_a_failure_never_holds_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(LoginFailed) as failure:
        log_in(f"amqp://guest:hush@127.0.0.1:{port}/")

    assert "hush" not in str(failure.value)
