"""Metric plumbing: every program owns a registry, so several can live in one process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """A program's metrics. Names are `clipwire_<program>_<noun>`; labels never hold ids of customers or posts."""

    def __init__(self, program: str) -> None:
        self.registry = CollectorRegistry()
        self._prefix = f"clipwire_{program}_"

    def counter(self, name: str, help_: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(self._prefix + name, help_, labels, registry=self.registry)

    def gauge(self, name: str, help_: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(self._prefix + name, help_, labels, registry=self.registry)

    def histogram(self, name: str, help_: str, labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(self._prefix + name, help_, labels, registry=self.registry, buckets=SECONDS)

    def render(self) -> bytes:
        """The registry in Prometheus's text format."""
        return generate_latest(self.registry)
