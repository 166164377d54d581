"""A wire that can be cut: a TCP proxy in front of a server, for proving what a client does without its network."""

import asyncio
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class TcpProxy:
    """Forwards to the server of `url`; `url_through` is the same URL by way of the proxy, which may speak TLS."""

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 5672
        self._parts = parts
        self._server: asyncio.Server | None = None
        self._own_port = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._wires: set[asyncio.Task[None]] = set()
        self.accepted = 0

    @property
    def url_through(self) -> str:
        login = f"{self._parts.username}:{self._parts.password}@" if self._parts.username else ""
        scheme = "amqps" if self._tls else "amqp"
        return self._parts._replace(scheme=scheme, netloc=f"{login}127.0.0.1:{self._own_port}").geturl()

    async def open(self) -> None:
        """Accept connections; on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._own_port, ssl=self._tls)
        self._own_port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Drop every connection; new ones are accepted."""
        for wire in self._wires:
            wire.cancel()

    async def shut(self) -> None:
        """Drop every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        wires = list(self._wires)
        self.cut()
        await asyncio.gather(*wires, return_exceptions=True)

    def freeze(self) -> None:
        """Hold back what is sent, both ways, with every connection left open: a network that died without a word."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._wires.add(task)
        far_writer: asyncio.StreamWriter | None = None
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except (asyncio.CancelledError, OSError, ExceptionGroup):
            pass  # cut, or one end hung up: either way both ends are dropped below
        finally:
            self._wires.discard(task)
            for end in (writer, far_writer):
                if end is not None:
                    end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self._flowing.wait()
            sink.write(data)
            await sink.drain()
        raise ConnectionResetError
