"""A customer's server of a campaign: one handler, told which endpoint by the path."""

from collections.abc import Awaitable, Callable

from aiohttp import web


async def listening(hear: Callable[[web.Request], Awaitable[web.Response]]) -> tuple[web.AppRunner, int]:
    """Serves `/{name}` on a free port, with room for a burst of connections; the caller cleans the runner up."""
    app = web.Application()
    app.router.add_post("/{name}", hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    return runner, int(runner.addresses[0][1])
