"""Who we are to those we dial, and which of our own places nobody may make us dial."""

from collections.abc import Iterable
from urllib.parse import urlsplit

USER_AGENT = "Clipwire/0.1 (+https://github.com/clipwire/clipwire)"
_DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "amqp": 5672, "amqps": 5671}


def own_ports(*, urls: Iterable[str | None], ports: Iterable[int]) -> frozenset[int]:
    """Ports for `Guard.own_ports`: those of our backing services' URLs and of our programs. 0, "any", names none."""
    named = set(ports)
    for url in urls:
        if url:
            parts = urlsplit(url)
            named.add(parts.port or _DEFAULT_PORTS.get(parts.scheme, 0))
    return frozenset(named - {0})
