"""The system's resolver, held: absolute names, one thread per name, deadlines the C library does not know."""

import asyncio
import socket
import threading

import pytest

from libs.egress import Guard, Reason, Refused, SystemLookup, Unresolved, parse_allow
from libs.egress.resolver import MOST_ANSWERS, checked_addresses
from tests.eventually import eventually


class Dns:
    """Stands in for `socket.getaddrinfo`; names in `hanging` wait until `release`."""

    def __init__(self):
        self.asked = []
        self.hanging = set()
        self.release = threading.Event()

    def getaddrinfo(self, host, port, **options):
        self.asked.append(host)
        if host in self.hanging:
            self.release.wait(10)
        if host == b"unknown.example.":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 0))]


@pytest.fixture
def dns(monkeypatch):
    stand_in = Dns()
    monkeypatch.setattr(socket, "getaddrinfo", stand_in.getaddrinfo)
    yield stand_in
    stand_in.release.set()


@pytest.fixture
def no_hosts(tmp_path):
    return tmp_path / "missing"


async def checked(lookup, host="good.example", *, guard=None, deadline_s=1.0):
    return await checked_addresses(
        host, 443, scheme="https", guard=guard or Guard(), lookup=lookup, deadline_s=deadline_s
    )


async def test_a_name_is_asked_for_as_an_absolute_one(dns, no_hosts):
    assert await SystemLookup(hosts_file=no_hosts)("good.example") == ["8.8.8.8"]
    assert dns.asked == [b"good.example."]


async def test_an_unknown_name_is_unresolved(dns, no_hosts):
    with pytest.raises(Unresolved):
        await checked(SystemLookup(hosts_file=no_hosts), "unknown.example")


async def test_the_hosts_file_answers_first(dns, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("# comment\n10.0.0.5  Receiver.internal receiver # the receiver\n\n::1 other\nbroken\n\xff\n")

    lookup = SystemLookup(hosts_file=hosts)

    assert await lookup("receiver.internal") == ["10.0.0.5"]
    assert await lookup("receiver") == ["10.0.0.5"]
    assert await lookup("good.example") == ["8.8.8.8"]
    assert dns.asked == [b"good.example."]


async def test_many_askers_of_one_name_share_one_thread_and_one_answer(dns, no_hosts):
    dns.hanging.add(b"slow.example.")
    lookup = SystemLookup(hosts_file=no_hosts)

    askers = [asyncio.create_task(lookup("slow.example")) for _ in range(50)]
    while not dns.asked:
        await asyncio.wait(askers, timeout=0.01)
    askers[0].cancel()
    dns.release.set()
    answers = await asyncio.gather(*askers, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [["8.8.8.8"]] * 49
    assert len(dns.asked) == 1


async def test_a_hanging_name_meets_its_deadline_and_does_not_hold_up_another(dns, no_hosts):
    dns.hanging.add(b"slow.example.")
    lookup = SystemLookup(hosts_file=no_hosts, most_threads=2)

    for _ in range(5):
        with pytest.raises(Unresolved) as unresolved:
            await checked(lookup, "slow.example", deadline_s=0.02)
        assert unresolved.value.timed_out
    answered = await checked(lookup, "good.example")
    await eventually(lambda: b"slow.example." in dns.asked)  # its thread may have begun after every deadline

    assert [str(address) for address in answered] == ["8.8.8.8"]
    assert dns.asked.count(b"slow.example.") == 1


async def test_when_every_thread_hangs_the_next_name_fails_in_time_and_recovers_afterwards(dns, no_hosts):
    dns.hanging |= {b"slow1.example.", b"slow2.example."}
    lookup = SystemLookup(hosts_file=no_hosts, most_threads=2)

    for name in ("slow1.example", "slow2.example", "good.example"):
        with pytest.raises(Unresolved):
            await checked(lookup, name, deadline_s=0.05)
    dns.release.set()

    assert await checked(lookup, "good.example")


async def test_localhost_is_never_asked_for(dns, no_hosts):
    guard = Guard(allow=parse_allow("127.0.0.0/8"))

    for name in ("localhost", "a.localhost"):
        assert [str(found) for found in await checked(SystemLookup(), name, guard=guard)] == ["127.0.0.1"]
        with pytest.raises(Refused):
            await checked(SystemLookup(), name)
    assert dns.asked == []


@pytest.mark.parametrize(("count", "accepted"), [(MOST_ANSWERS, True), (MOST_ANSWERS + 1, False)])
async def test_answers_are_bounded(count, accepted):
    async def many(name):
        return [f"8.8.8.{n}" for n in range(count)]

    if accepted:
        assert len(await checked(many)) <= 8
        return
    with pytest.raises(Refused) as refused:
        await checked(many)
    assert refused.value.refusal.reason is Reason.TOO_MANY_ANSWERS


async def test_a_forbidden_answer_refuses_the_name_even_beyond_those_that_would_be_dialled():
    async def last_is_private(name):
        return [f"8.8.8.{n}" for n in range(20)] + ["10.0.0.1"]

    with pytest.raises(Refused):
        await checked(last_is_private)
