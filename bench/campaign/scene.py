"""Setting the scene through the front door: customers, endpoints, creators and a library, as an operator would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.campaign.cast import Cast
from bench.campaign.errors import Misplayed
from bench.campaign.sink import Sink

LARGE_BYTES = 70_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """A connected creator: our id, TikTok's, and whose it is."""

    id: str
    open_id: str
    customer: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Scene:
    accounts: list[Account]
    library: dict[str, str]
    """customer → the id of a small video."""
    large: dict[str, str]
    video_url: str
    broken_url: str


async def ask(
    http: aiohttp.ClientSession, method: str, url: str, *, key: str | None = None, json: Any = None, data: Any = None
) -> Any:
    """One call that has to succeed; the decoded answer. Raises `Misplayed`."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if data is not None:
        headers["Content-Type"] = "video/mp4"
    try:
        async with http.request(
            method, url, json=json, data=data, headers=headers, timeout=aiohttp.ClientTimeout(total=60)
        ) as answer:
            text = await answer.read()
            if answer.status >= 300:
                raise Misplayed(f"{method} {url} answered {answer.status}: {text[:500].decode(errors='replace')}")
            kind = answer.content_type
            return await answer.json() if kind == "application/json" and text else text
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Misplayed(f"{method} {url}: {type(error).__name__} {error}") from error


async def set_scene(cast: Cast, sink: Sink, *, accounts: int, large: bool, timeout_s: float) -> Scene:
    """A customer per path of the sink, `accounts` creators among them, one endpoint and one library each."""
    http, api, key, simulator = cast.http, cast.urls["api"], cast.keys.operator, cast.urls["simulator"]
    video_url = f"{simulator}/_sim/sample.mp4"
    video: bytes = await ask(http, "GET", video_url)
    library, big = {}, {}
    for customer in sink.customers.values():
        made = await ask(http, "POST", f"{api}/v1/customers", key=key, json={"name": customer.name})
        customer.id = made["id"]
        endpoint = {
            "customer_id": customer.id,
            "url": sink.url(customer.name),
            "events": ["*"],
            "timeout_s": timeout_s,
        }
        customer.secret = (await ask(http, "POST", f"{api}/v1/endpoints", key=key, json=endpoint))["secret"]
        upload = f"{api}/v1/media?customer_id={customer.id}"
        library[customer.name] = (await ask(http, "POST", upload, key=key, data=video))["id"]
        if large:
            big[customer.name] = (await ask(http, "POST", upload, key=key, data=padded(video, LARGE_BYTES)))["id"]
    names = list(sink.customers)
    made_accounts = [
        await _account(cast, sink, customer=names[n % len(names)], username=f"creator{n}") for n in range(accounts)
    ]
    return Scene(made_accounts, library, big, video_url, f"{simulator}/_sim/settings")


async def _account(cast: Cast, sink: Sink, *, customer: str, username: str) -> Account:
    customer_id = sink.customers[customer].id
    id_, open_id = await connect(cast.http, cast.urls, cast.keys.operator, customer_id=customer_id, username=username)
    return Account(id_, open_id, customer, customer_id)


async def connect(
    http: aiohttp.ClientSession, urls: Mapping[str, str], key: str, *, customer_id: str, username: str
) -> tuple[str, str]:
    """A new creator at TikTok, connected for that customer: our id and TikTok's."""
    given = await ask(http, "POST", f"{urls['simulator']}/_sim/accounts", json={"username": username})
    new = {
        "customer_id": customer_id,
        "open_id": given["open_id"],
        "access_token": given["access_token"],
        "refresh_token": given["refresh_token"],
        "expires_in": given["expires_in"],
        "refresh_expires_in": given["refresh_expires_in"],
        "scopes": given["scope"].split(","),
        "username": username,
    }
    made = await ask(http, "POST", f"{urls['api']}/v1/accounts", key=key, json=new)
    return made["id"], given["open_id"]


def padded(video: bytes, size: int) -> bytes:
    """The same MP4 with a `free` box at its end, as editors leave them, so that it has `size` bytes."""
    gap = size - len(video)
    return video + gap.to_bytes(4, "big") + b"free" + bytes(gap - 8)
