"""Our own places are known from our own settings."""

import pytest

from libs.egress import own_ports


def test_backing_services_and_programs_are_ours_whether_or_not_a_port_is_spelled_out() -> None:
    ports = own_ports(urls=["postgresql://u:p@db/x", "amqps://rabbit", "amqp://h:5673/", None], ports=[8080, 0])

    assert ports == {5432, 5671, 5673, 8080}


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("postgresql://u:p@127.0.0.1:5433,localhost:5434/db", {5433, 5434}),
        ("postgresql://u:p@one,two:5434/db", {5432, 5434}),
        ("postgresql://u:p@[::1]:6000,[::2]/db", {6000, 5432}),
        ("postgresql:///db?host=/run/postgresql&port=6000", {5432, 6000}),
        ("postgresql://u:p%40:x@db:nonsense/db", set()),
        ("postgresql://db:99999999/db", set()),
        ("nonsense", set()),
    ],
)
def test_every_port_that_a_url_names_is_ours_and_what_is_none_stops_nobody(url: str, ports: set[int]) -> None:
    assert own_ports(urls=[url], ports=[]) == ports
