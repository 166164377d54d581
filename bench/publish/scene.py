"""What a run needs before it begins: one customer's media, a creator for every run, and the post itself."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.campaign.scene import LARGE_BYTES, ask, padded
from bench.publish.crew import Crew
from bench.publish.plan import Kind, Run
from bench.publish.strike import Creator

AT_ONCE = 16
PHOTOS = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """`media` and `digests` by kind: what is posted, and the SHA-256 of each file as it has to arrive."""

    customer_id: str
    media: dict[Kind, list[str]]
    digests: dict[Kind, list[str]]


async def set_scene(crew: Crew, *, large: bool) -> Scene:
    customer: str = (await crew.api("POST", "customers", {"name": "publish"}))["id"]
    simulator = crew.urls["simulator"]
    video: bytes = await ask(crew.http, "GET", f"{simulator}/_sim/sample.mp4")
    photos: list[bytes] = [await ask(crew.http, "GET", f"{simulator}/_sim/sample-{n + 1}.jpg") for n in range(PHOTOS)]
    files = {Kind.UPLOAD: [video], Kind.PHOTOS: photos}
    if large:
        files[Kind.CHUNKS] = [padded(video, LARGE_BYTES)]
    media = {kind: [await _upload(crew, customer, file) for file in of_kind] for kind, of_kind in files.items()}
    digests = {kind: [hashlib.sha256(file).hexdigest() for file in of_kind] for kind, of_kind in files.items()}
    media[Kind.PULL], digests[Kind.PULL] = media[Kind.UPLOAD], digests[Kind.UPLOAD]
    return Scene(customer, media, digests)


async def _upload(crew: Crew, customer: str, file: bytes) -> str:
    made = await crew.api("POST", f"media?customer_id={customer}", data=file)
    return str(made["id"])


async def creators(crew: Crew, scene: Scene, runs: Sequence[Run]) -> dict[int, Creator]:
    """A connected creator for each run."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(run: Run) -> tuple[int, Creator]:
        async with gate:
            return run.n, await connect(crew, scene.customer_id, username=f"creator{run.n}")

    return dict(await asyncio.gather(*(one(run) for run in runs)))


async def connect(crew: Crew, customer_id: str, *, username: str, expires_in: int | None = None) -> Creator:
    """A new creator, connected; `expires_in` is what is said of its access token, whatever TikTok says."""
    given = await crew.sim("POST", "accounts", {"username": username, "private": False})
    new = {"customer_id": customer_id, "scopes": given["scope"].split(",")}
    same = ("open_id", "access_token", "refresh_token", "expires_in", "refresh_expires_in")
    made = await crew.api(
        "POST",
        "accounts",
        new | {name: given[name] for name in same} | ({"expires_in": expires_in} if expires_in else {}),
    )
    return Creator(made["id"], given["open_id"])


async def send(crew: Crew, scene: Scene, runs: Sequence[Run], whose: dict[int, Creator]) -> dict[int, str]:
    """Asks for the post of every run; its id."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(run: Run) -> tuple[int, str]:
        async with gate:
            made = await crew.api("POST", "posts", _request(scene, run, whose[run.n]))
            return run.n, made["id"]

    return dict(await asyncio.gather(*(one(run) for run in runs)))


def _request(scene: Scene, run: Run, creator: Creator) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "customer_id": scene.customer_id,
        "account_id": creator.id,
        "kind": "photo" if run.kind is Kind.PHOTOS else "video",
        "media": scene.media[run.kind],
        "title": run.title,
        "privacy_level": "PUBLIC_TO_EVERYONE" if run.public else "SELF_ONLY",
        "idempotency_key": f"run-{run.n}",
    }
    return wanted | ({"transfer": "pull"} if run.kind is Kind.PULL else {})
