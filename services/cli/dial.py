"""One HTTP request to an address of the user's own: a program on the desk, or the simulator. Never to the API.

Plain `http.client`, so that no proxy setting has a say and every wait is bounded.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from services.cli.ending import USAGE, Ended

ANSWER_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Address:
    """An http(s) URL, taken apart. `Ended` for anything else."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, url: str) -> "Address":
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise Ended(f"{url} is no URL.", code=USAGE) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Ended(f"{url} is no http or https URL.", code=USAGE)
        path = parts.path or "/"
        return cls(parts.scheme, parts.hostname, port, f"{path}?{parts.query}" if parts.query else path)


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer's status and the beginning of its body; `status` None: there was none, and `body` says why."""

    status: int | None
    body: bytes


def dial(
    method: str, address: Address, *, body: bytes | None = None, headers: Mapping[str, str] | None = None,
    timeout: float = 15.0,
) -> Heard:  # fmt: skip
    """Never raises for what the other side does."""
    connection: HTTPConnection
    if address.scheme == "https":
        context = ssl.create_default_context()
        connection = HTTPSConnection(address.host, address.port, timeout=timeout, context=context)
    else:
        connection = HTTPConnection(address.host, address.port, timeout=timeout)
    try:
        connection.request(method, address.path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Heard(answer.status, answer.read(ANSWER_MAX))
    except TimeoutError:
        return Heard(None, f"no answer within {timeout:g} s".encode())
    except (OSError, HTTPException) as error:
        return Heard(None, (getattr(error, "strerror", None) or str(error) or type(error).__name__).encode())
    finally:
        connection.close()
