"""Scripted servers on loopback that count who connects, a hostile resolver, and certificates of our own making."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.egress import Guard, GuardedClient, Pool, parse_allow

Script = Callable[["Exchange"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Exchange:
    """One connection as the script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "Server"

    async def request(self) -> bytes:
        """The next request, head and body; empty when the other side closed."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            line = await self.reader.readline()
            if not line:
                return b""
            head += line
        length = next((int(row[15:]) for row in head.splitlines() if row.lower().startswith(b"content-length:")), 0)
        request = bytes(head) + await self.reader.readexactly(length)
        self.server.requests.append(request)
        return request

    async def answer(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def until_closed(self) -> None:
        """Wait for the other side to leave; data is thrown away."""
        while await self.reader.read(65_536):
            pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.writer.transport.abort()


@dataclass
class Server:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


async def always_ok(exchange: Exchange) -> None:
    while await exchange.request():
        await exchange.answer(OK)


async def silent(exchange: Exchange) -> None:
    await exchange.until_closed()


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a scripted server on a free loopback port; every one is closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(script: Script = always_ok, tls: ssl.SSLContext | None = None) -> Server:
            running = Server()
            tasks: set[asyncio.Task[None]] = set()

            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                running.connections += 1
                task = asyncio.current_task()
                assert task is not None
                tasks.add(task)
                try:
                    await script(Exchange(reader, writer, running))
                except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    pass
                finally:
                    tasks.discard(task)
                    writer.close()

            if tls is not None:
                tls.sni_callback = lambda _, name, __: running.server_names.append(name)
            listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
            running.port = listener.sockets[0].getsockname()[1]

            async def stop() -> None:
                listener.close()
                for task in tuple(tasks):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

            stack.push_async_callback(stop)
            return running

        yield start


class HostileResolver:
    """Answers what the test says: a list per name, or a list of lists taken in turn; counts every question."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def say(self, name: str, *turns: Sequence[str]) -> None:
        self.answers[name] = list(turns)

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        turns = self.answers.get(name)
        if not turns:
            raise OSError("no such name")
        return turns.pop(0) if len(turns) > 1 else turns[0]


@pytest.fixture
def resolver() -> HostileResolver:
    return HostileResolver()


MakeClient = Callable[..., GuardedClient]


@pytest.fixture
async def make_client(resolver: HostileResolver) -> AsyncIterator[MakeClient]:
    """A client over the hostile resolver; `allow` is EGRESS_ALLOW, loopback unless said otherwise."""
    async with contextlib.AsyncExitStack() as stack:

        def make(
            *,
            allow: str = "127.0.0.0/8",
            own_ports: Sequence[int] = (),
            pool: Pool | None = None,
            tls: ssl.SSLContext | None = None,
            lookup: object = resolver,
            lookup_deadline_s: float = 4.0,
        ) -> GuardedClient:
            client = GuardedClient(
                guard=Guard(allow=parse_allow(allow), own_ports=frozenset(own_ports)),
                user_agent="Clipwire/test (+https://clipwire.example/webhooks)",
                lookup=lookup,  # type: ignore[arg-type]
                lookup_deadline_s=lookup_deadline_s,
                pool=pool,
                tls=tls,
            )
            stack.push_async_callback(client.close)
            return client

        yield make


@dataclass(frozen=True)
class Authority:
    """A certificate authority that only this test trusts."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=_pem(self.certificate).decode())
        return context

    def server(self, tmp_path, *names: str, expired: bool = False) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(
            names[0], key.public_key(), issuer=self.certificate.subject, signer=self.key, names=names, expired=expired
        )
        return _server_context(tmp_path, certificate, key)


@pytest.fixture(scope="session")
def authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    return Authority(key, _certificate("test authority", key.public_key(), issuer=name, signer=key, is_authority=True))


@pytest.fixture
def self_signed(tmp_path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example")])
    certificate = _certificate("good.example", key.public_key(), issuer=name, signer=key, names=["good.example"])
    return _server_context(tmp_path, certificate, key)


def _certificate(common_name, public_key, *, issuer, signer, names=(), expired=False, is_authority=False):
    now = datetime.datetime.now(datetime.UTC)
    until = now - datetime.timedelta(days=1) if expired else now + datetime.timedelta(days=1)
    key_id = x509.SubjectKeyIdentifier.from_public_key
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(key_id(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _server_context(tmp_path, certificate, key) -> ssl.SSLContext:
    path = tmp_path / "server.pem"
    path.write_bytes(
        _pem(certificate)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
