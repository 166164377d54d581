"""What TikTok and browsers see of us, and which programs answer on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from libs.runtime.settings import on_this_machine
from libs.runtime.web import WILDCARDS
from services.cli.dial import Address, Heard, dial
from services.cli.doctor.finding import Finding, broken, fine, limited
from services.cli.doctor.settings import PROGRAMS, DeploymentSettings
from services.cli.ending import Ended

ASK_S = 8.0
PROOF = "tiktok-developers-site-verification="
"""What stands before the token in TikTok's signature file (fact sheet 4.3)."""


async def get(url: str) -> Heard:
    """The page at an operator's URL, redirects not followed, as TikTok does not; at what is no URL nobody answers."""
    try:
        address = Address.of(url)
    except Ended as error:
        return Heard(None, str(error).encode())
    return await asyncio.to_thread(dial, "GET", address, timeout=ASK_S)


async def public(settings: DeploymentSettings) -> AsyncIterator[Finding]:
    """Whether PUBLIC_URL leads to our api, and TikTok's signature files are there."""
    url = settings.public_url.rstrip("/")
    if not url:
        text = "PUBLIC_URL is not set: accounts connect from this machine only, and TikTok can pull no photos"
        remedy = "Set PUBLIC_URL to the https address that leads to the api, and register its callback at TikTok."
        yield limited("public url", text, remedy=remedy)
        return
    if urlsplit(url).scheme != "https" and not on_this_machine(url):
        text = f"{url} is not https: TikTok returns nobody to it and pulls nothing from it"
        yield broken("public url", text, remedy="Put a proxy with a certificate before the api, and set its https URL.")
        return
    yield (reached := await _reached(url))
    if not reached.is_fault:
        for token in settings.tiktok_site_verification:
            yield await _verified(url, token.removeprefix(PROOF).removeprefix("tiktok").removesuffix(".txt"))
        if not settings.tiktok_site_verification:
            text = "TIKTOK_SITE_VERIFICATION is not set: TikTok pulls nothing from an address it has not verified"
            remedy = "Add PUBLIC_URL as a URL prefix in TikTok's developer portal; set its signature file's token here."
            yield limited("site verification", text, remedy=remedy)


async def _reached(url: str) -> Finding:
    remedy = "Lead PUBLIC_URL to the api's port (name, proxy, certificate), without a redirect."
    page = await get(f"{url}/healthz")
    if page.status is None:
        return broken("public url", f"{url} does not answer: {page.body.decode()}", remedy=remedy)
    if page.status != 200 or _read(page).get("program") != "api":
        text = f"at {url} somebody else answers, with {page.status}, and not the api"
        return broken("public url", text, remedy=remedy)
    return fine("public url", f"{url} leads to the api")


async def _verified(url: str, token: str) -> Finding:
    name = f"tiktok{token}.txt"
    page = await get(f"{url}/{name}")
    if page.status != 200 or page.body.strip() != (PROOF + token).encode():
        said = page.body.decode() if page.status is None else f"status {page.status}"
        remedy = "Set TIKTOK_SITE_VERIFICATION to the file TikTok's portal gives for this prefix, and restart the api."
        return broken("site verification", f"{url}/{name} is not the signature file: {said}", remedy=remedy)
    return fine("site verification", f"{url}/{name} is there")


async def running(settings: DeploymentSettings, *, programs: Sequence[str] = PROGRAMS) -> list[Finding]:
    """Which of the programs run here and say that they are ready."""
    return list(await asyncio.gather(*(ready_at(name, _base(*settings.address(name))) for name in programs)))


def _base(host: str, port: int) -> str:
    return f"http://{'127.0.0.1' if host in WILDCARDS else host}:{port}"


async def ready_at(program: str, base: str) -> Finding:
    """Whether it is this program that answers there, and says that it is ready."""
    check = f"program {program}"
    page = await get(f"{base}/readyz")
    if page.status is None:
        remedy = f"Start it (`python -m services.{program}`), unless it runs on another machine."
        return limited(check, f"nobody answers at {base}", remedy=remedy)
    told = _read(page)
    if told.get("program") != program:
        text = f"at {base} somebody else answers"
        return broken(check, text, remedy=f"Free the port, or set {program.upper()}_PORT.")
    if page.status != 200:
        said = "; ".join(f"{name}: {why}" for name, why in (told.get("wrong") or {}).items())
        return broken(check, f"not ready: {said or page.status}", remedy="Mend what it names; it recovers by itself.")
    return fine(check, f"ready at {base}")


def _read(page: Heard) -> dict[str, Any]:
    """The JSON object of a page; empty for anything else."""
    try:
        told = json.loads(page.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
