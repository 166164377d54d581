"""Our own places are known from our own settings."""

from libs.egress import own_ports


def test_backing_services_and_programs_are_ours_whether_or_not_a_port_is_spelled_out() -> None:
    ports = own_ports(urls=["postgresql://u:p@db/x", "amqps://rabbit", "amqp://h:5673/", None], ports=[8080, 0])

    assert ports == {5432, 5671, 5673, 8080}
