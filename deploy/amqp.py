"""Whether an AMQP log-in works: the one question asked of a RabbitMQ before anything is built on it.

An open port is not enough: RabbitMQ opens it before it can serve, and another program may hold it. AMQP 0-9-1 is
spoken by hand here, so that asking needs no client library and no event loop.
"""

import socket
import ssl
import struct
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_HEADER = b"AMQP\x00\x00\x09\x01"
_LARGEST_REPLY = 131_072
_CONNECTION = 10
_START, _START_OK, _TUNE, _TUNE_OK, _OPEN, _OPEN_OK, _CLOSE, _CLOSE_OK = 10, 11, 30, 31, 40, 41, 50, 51


def _short(text: str) -> bytes:
    return struct.pack(">B", len(text.encode())) + text.encode()


def _long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


# Without this capability RabbitMQ answers a wrong password by cutting the line.
_PROPERTIES = _short("capabilities") + b"F" + _long(_short("authentication_failure_close") + b"t\x01")


class LoginFailed(Exception):
    """No AMQP log-in at this address; the message says how far it went and never holds the password."""


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int
    user: str
    password: str
    virtual_host: str
    encrypted: bool


def log_in(url: str, *, timeout: float = 5.0) -> None:
    """Logs in, opens the virtual host and leaves again, `timeout` seconds per step; raises `LoginFailed`."""
    address = _parse(url)
    try:
        with _connect(address, timeout) as line:
            line.sendall(_HEADER)
            _expect(line, _START)
            plain = f"\0{address.user}\0{address.password}".encode()
            _send(line, _START_OK, _long(_PROPERTIES) + _short("PLAIN") + _long(plain) + _short("en_US"))
            limits = _expect(line, _TUNE)
            _send(line, _TUNE_OK, limits[:8])
            _send(line, _OPEN, _short(address.virtual_host) + _short("") + b"\0")
            _expect(line, _OPEN_OK)
            _send(line, _CLOSE, struct.pack(">H", 200) + _short("") + struct.pack(">HH", 0, 0))
            _expect(line, _CLOSE_OK)
    except (OSError, struct.error) as error:
        raise LoginFailed(f"{address.host}:{address.port}: {error}") from error


def answers(url: str, *, timeout: float = 5.0) -> bool:
    """Whether `log_in` succeeds."""
    try:
        log_in(url, timeout=timeout)
    except LoginFailed:
        return False
    return True


def _parse(url: str) -> _Address:
    parts = urlsplit(url)
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise LoginFailed("not an amqp:// or amqps:// URL")
    encrypted = parts.scheme == "amqps"
    return _Address(
        host=parts.hostname,
        port=parts.port or (5671 if encrypted else 5672),
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        virtual_host=unquote(parts.path[1:]) or "/",
        encrypted=encrypted,
    )


def _connect(address: _Address, timeout: float) -> socket.socket:
    line = socket.create_connection((address.host, address.port), timeout)
    if not address.encrypted:
        return line
    try:
        return ssl.create_default_context().wrap_socket(line, server_hostname=address.host)
    except BaseException:
        line.close()
        raise


def _send(line: socket.socket, method: int, arguments: bytes) -> None:
    payload = struct.pack(">HH", _CONNECTION, method) + arguments
    line.sendall(struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce")


def _expect(line: socket.socket, method: int) -> bytes:
    """The arguments of the next method, which has to be this one."""
    kind, _, size = struct.unpack(">BHI", _read(line, 7))
    if kind != 1 or not 4 <= size <= _LARGEST_REPLY:
        raise LoginFailed("does not speak AMQP 0-9-1")
    payload = _read(line, size + 1)[:-1]
    found = struct.unpack(">HH", payload[:4])
    if found == (_CONNECTION, _CLOSE):
        code, length = struct.unpack(">HB", payload[4:7])
        raise LoginFailed(f"refused: {code} {payload[7 : 7 + length].decode(errors='replace')}")
    if found != (_CONNECTION, method):
        raise LoginFailed(f"unexpected method {found}")
    return payload[4:]


def _read(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise LoginFailed("closed the connection during the log-in")
        data += more
    return data
