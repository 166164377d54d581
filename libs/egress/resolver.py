"""Names to checked addresses: one lookup per dialling, every answer judged, none remembered.

A name is looked up as an absolute one (no search domains) and the answers that were judged are the ones dialled, so a
second, different answer (rebinding) is judged in its turn. One forbidden answer refuses the whole name: picking the
good ones would let an attacker choose which one we see.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from libs.egress.address import IPAddress, parse_address
from libs.egress.errors import Reason, Refusal, Refused, Unresolved
from libs.egress.guard import Guard, Scheme, is_localhost

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""A name without trailing dot to its addresses as text; raises `OSError` when there are none."""

MOST_ANSWERS: Final = 32
_MOST_DIALLED: Final = 8
_LONGEST_HOSTS_FILE: Final = 1_000_000


async def checked_addresses(
    host: str, port: int, *, scheme: Scheme, guard: Guard, lookup: Lookup, deadline_s: float
) -> list[IPAddress]:
    """One to eight addresses that may be dialled, in the order answered.

    Raises `Refused` when one answer is forbidden or there are more than 32, `Unresolved` without an answer in time.
    """
    # One address for localhost, so that one CIDR of EGRESS_ALLOW is enough to allow it.
    answers = ["127.0.0.1"] if is_localhost(host) else await _answers(host, lookup, deadline_s)
    if len(answers) > MOST_ANSWERS:
        raise Refused(Refusal(Reason.TOO_MANY_ANSWERS, f"the host resolves to more than {MOST_ANSWERS} addresses"))
    addresses: list[IPAddress] = []
    for answer in answers:
        address = parse_address(answer)
        if address is None:
            raise Refused(Refusal(Reason.ADDRESS, "the host resolves to something that is no address"))
        if refusal := guard.check_dial(address, port, scheme=scheme):
            raise Refused(refusal)
        addresses.append(address)
    return addresses[:_MOST_DIALLED]


async def _answers(host: str, lookup: Lookup, deadline_s: float) -> list[str]:
    try:
        async with asyncio.timeout(deadline_s):
            answers = await lookup(host)
    except TimeoutError as exc:
        raise Unresolved("the host name was not resolved in time", timed_out=True) from exc
    except OSError as exc:
        raise Unresolved("the host name does not resolve") from exc
    if not answers:
        raise Unresolved("the host name has no address")
    return list(dict.fromkeys(answers))


class SystemLookup:
    """The system's resolver (hosts file, then DNS) in threads of its own.

    `getaddrinfo` cannot be interrupted, so a hanging name keeps its thread until the C library gives up. Hence: at
    most one thread per name, at most `most_threads` in all, never the default executor's, and daemons, so that a dead
    name server does not hold up a shutdown.
    """

    def __init__(self, *, most_threads: int = 64, hosts_file: Path = Path("/etc/hosts")) -> None:
        self._slots = asyncio.Semaphore(most_threads)
        self._hosts_file = hosts_file
        self._flights: dict[str, asyncio.Future[list[str] | OSError]] = {}

    async def __call__(self, name: str) -> list[str]:
        flight = self._flights.get(name)
        if flight is None:
            await self._slots.acquire()
            # Somebody else may have taken off with this name while this caller waited for a thread.
            if (flight := self._flights.get(name)) is None:
                flight = self._take_off(name)
            else:
                self._slots.release()
        # Shielded: one caller's deadline must not take the answer from the others.
        answers = await asyncio.shield(flight)
        if isinstance(answers, OSError):
            raise answers
        return answers

    def _take_off(self, name: str) -> asyncio.Future[list[str] | OSError]:
        loop = asyncio.get_running_loop()
        flight: asyncio.Future[list[str] | OSError] = loop.create_future()
        self._flights[name] = flight

        def land(answers: list[str] | OSError) -> None:
            self._flights.pop(name, None)
            self._slots.release()
            if not flight.done():
                flight.set_result(answers)

        def fly() -> None:
            answers: list[str] | OSError
            try:
                answers = self._look_up(name)
            except OSError as exc:
                answers = exc
            try:
                loop.call_soon_threadsafe(land, answers)
            except RuntimeError:
                # The loop is closed: nobody is left to tell.
                return

        threading.Thread(target=fly, name=f"lookup {name}", daemon=True).start()
        return flight

    def _look_up(self, name: str) -> list[str]:
        # The trailing dot keeps search domains away, and with them the hosts file, which knows no absolute names.
        if listed := _listed(self._hosts_file, name):
            return listed
        found = socket.getaddrinfo(f"{name}.".encode("ascii"), None, type=socket.SOCK_STREAM)
        return [str(sockaddr[0]) for *_, sockaddr in found]


def _listed(hosts_file: Path, name: str) -> list[str]:
    """What the operator wrote about this name in the hosts file (containers get their extra hosts there)."""
    try:
        with hosts_file.open(encoding="utf-8", errors="replace") as lines:
            rows = [line.partition("#")[0].split() for line in lines.readlines(_LONGEST_HOSTS_FILE)]
    except OSError:
        # No hosts file is a normal machine; DNS decides.
        return []
    return [row[0] for row in rows if name in (alias.lower() for alias in row[1:])]
