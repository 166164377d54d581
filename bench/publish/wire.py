"""A relay before the database, so that a publisher can lose the answer to a COMMIT that Postgres has heard."""

import asyncio
import contextlib
from collections.abc import Callable

PIECE = 1 << 16
ANSWER_S = 20.0
"""How long Postgres may take for a COMMIT whose client has gone; longer than anything is held."""


class Wire:
    """Forwards bytes both ways, until a connection is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._cuts: dict[int, Callable[[], None]] = {}
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """To be called when nobody is connected any more."""
        if self._server is not None:
            self._server.close()

    def cut(self, port: int) -> None:
        """The connection that Postgres sees coming from `port` ends for its client; Postgres does not notice."""
        self._cuts[port]()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        severed = asyncio.Event()

        def cut() -> None:
            severed.set()
            writer.transport.abort()

        place = up_writer.get_extra_info("sockname")[1]
        self._cuts[place] = cut
        asked = asyncio.create_task(_pump(reader, up_writer))
        answered = asyncio.create_task(_pump(up_reader, writer, severed))
        try:
            await asyncio.wait([asked, answered], return_when=asyncio.FIRST_COMPLETED)
            if severed.is_set():  # Postgres goes on with what it was told, and answers nobody
                await asyncio.wait([answered], timeout=ANSWER_S)
        finally:
            del self._cuts[place]
            writer.transport.abort()
            up_writer.transport.abort()
            await asyncio.gather(asked, answered)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, severed: asyncio.Event | None = None
) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(PIECE):
            if severed is not None and severed.is_set():
                return
            writer.write(piece)
            await writer.drain()
