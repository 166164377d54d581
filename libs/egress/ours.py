"""Who we are to those we dial, and which of our own places nobody may make us dial."""

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, urlsplit

USER_AGENT = "Clipwire/0.1 (+https://github.com/clipwire/clipwire)"
_DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "amqp": 5672, "amqps": 5671}


def own_ports(*, urls: Iterable[str | None], ports: Iterable[int]) -> frozenset[int]:
    """Ports for `Guard.own_ports`: those of our backing services' URLs and of our programs. 0, "any", names none.

    PostgreSQL's URLs may name several hosts, each with a port, and ports after the question mark. What cannot be read
    names none: the program that dials it says so.
    """
    named = set(ports)
    for url in urls:
        if url:
            named.update(_ports(url))
    return frozenset(named - {0})


def _ports(url: str) -> Iterator[int]:
    parts = urlsplit(url)
    default = _DEFAULT_PORTS.get(parts.scheme, 0)
    places = [place.rpartition("]")[2].rpartition(":")[2] if ":" in place.rpartition("]")[2] else ""
              for place in parts.netloc.rpartition("@")[2].split(",")]  # fmt: skip
    asked = [port for value in parse_qs(parts.query).get("port", ()) for port in value.split(",")]
    for port in (*places, *asked):
        if not port:
            yield default
        elif port.isascii() and port.isdigit() and len(port) <= 5:
            yield int(port)
