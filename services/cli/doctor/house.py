"""The house that `make run` or `clipwire up` started here: its programs are looked at from outside.

Its settings are its own and last as long as it runs, so there are none to judge.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from libs.runtime.settings import mask_url
from services.cli.doctor.finding import Finding, broken, fine, limited
from services.cli.doctor.outside import get, ready_at
from services.cli.place import find_card

PROGRAMS: Final = ("api", "ingest", "simulator")
"""Those whose addresses the card tells; what the others have to say, the api's database knows."""
ROOM: Final = 1_000_000_000
"""Bytes free below which a house of this kind soon has no room for videos."""


async def running_house(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """The card of a house whose api answers, when no settings name another deployment. Raises `Unplaced`."""
    found = None if environ.get("DATABASE_URL") else find_card(folder or Path.cwd())
    if found is None:
        return None
    path, card = found
    return card | {"folder": str(path.parent)} if (await get(f"{card.get('api')}/readyz")).status is not None else None


async def examine_house(card: Mapping[str, Any]) -> AsyncIterator[Finding]:
    """Every finding as soon as it is known. `card` is what `running_house` gave."""
    text = f"the one that runs in {card['folder']}, with a simulated TikTok; no settings of a deployment are looked at"
    yield fine("house", text)
    programs = [name for name in PROGRAMS if card.get(name)]
    for finding in await asyncio.gather(*(ready_at(name, str(card[name])) for name in programs)):
        yield finding
    if card.get("rabbitmq_url"):
        yield fine("rabbitmq", f"{mask_url(str(card['rabbitmq_url']))} is used")
    else:
        text = "none is used: jobs come by REST only, and events go to endpoints only"
        yield limited("rabbitmq", text, remedy="Set RABBITMQ_URL and start again to try the job queue.")
    free = shutil.disk_usage(str(card["folder"])).free
    room = f"{card['folder']} has {free / 1e9:.1f} GB free"
    yield (
        fine("disk", room) if free >= ROOM else broken("disk", room, remedy="Make room: media and data are kept there.")
    )
