"""Our programs as they run in production, each a process of its own, over one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.child import Child, program
from bench.ground import Database, Ground, Rabbit
from bench.hook import CLIENT_KEY, CLIENT_SECRET
from deploy.process import free_port

LOOPBACK = "127.0.0.0/8"
# Nobody listens on the discard port: what is measured never asks TikTok anything.
NO_TIKTOK = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Running:
    """A program of ours that is ready."""

    child: Child
    port: int


@asynccontextmanager
async def ours(
    name: str,
    ground: Ground,
    database: Database,
    *,
    rabbit: Rabbit | None = None,
    tiktok_url: str = NO_TIKTOK,
    **more: str,
) -> AsyncIterator[Running]:
    """`python -m services.<name>` with the settings of production and `more`, until the end of the block."""
    port = free_port()
    environ = {
        "DATABASE_URL": database.url,
        "CLIPWIRE_ENCRYPTION_KEYS": database.encryption_key,
        "TIKTOK_CLIENT_KEY": CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": CLIENT_SECRET,
        "TIKTOK_API_URL": tiktok_url,
        "TIKTOK_AUTH_URL": tiktok_url,
        "MEDIA_URL": (ground.folder / "media").as_uri(),
        "EGRESS_ALLOW": LOOPBACK,
        f"{name.upper()}_PORT": str(port),
        **more,
    }
    if rabbit is not None:
        environ |= {"RABBITMQ_URL": rabbit.url, "RABBITMQ_PREFIX": rabbit.prefix}
    async with program(f"services.{name}", name=name, folder=ground.folder, environ=environ) as child:
        await child.ready(f"http://127.0.0.1:{port}")
        yield Running(child, port)
