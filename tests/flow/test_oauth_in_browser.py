"""Accounts by OAuth as a creator sees it: a real browser, TikTok's page, and the page that says how it ended."""

import os
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio
from flow_house import Guest, Stage
from playwright.async_api import Browser, Page, Route, async_playwright

from deploy import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPES = ["user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.publish", "video.upload"]
QUIET = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run", "--disable-gpu"]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(browser_program: chromium.Browser) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=browser_program.executable, args=QUIET, env={**os.environ, **browser_program.environment}
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def window(browser: Browser) -> AsyncIterator[Page]:
    """A window in which nobody is logged in. What goes wrong in it fails the test."""
    context = await browser.new_context(viewport={"width": 900, "height": 900})
    context.set_default_timeout(20_000)
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    await context.close()
    assert troubles == []


async def link(stage: Stage, guest: Guest, **more: Any) -> dict[str, Any]:
    wanted = {"customer_id": guest.customer_id, "scopes": SCOPES, **more}
    made: dict[str, Any] = await stage.api("POST", "accounts/connect", wanted, status=201)
    return made


async def creator(stage: Stage, name: str) -> str:
    """Somebody at TikTok; the username."""
    username = f"{name}{next(stage.count)}"
    await stage.sim("POST", "accounts", {"username": username, "display_name": f"The <b>{name}</b>"})
    return username


async def answers(
    window: Page, auth_url: str, username: str, *, off: Collection[str] = (), button: str = "Authorize"
) -> None:
    """Opens the link, chooses the account, switches permissions off, presses, and waits for what comes of it."""
    await window.goto(auth_url)
    await window.get_by_text(f"@{username}", exact=False).first.click()
    for scope in off:
        await window.locator(f'input[value="{scope}"]').uncheck()
    await photograph(window, "consent")
    async with window.expect_navigation():
        await window.get_by_role("button", name=button).click()


async def caught(window: Page, auth_url: str, username: str) -> str:
    """Where TikTok sends the browser when the creator agrees; it has not gone there yet."""
    where: list[str] = []

    async def catch(route: Route) -> None:
        if route.request.method != "POST":
            return await route.continue_()
        where.append((await route.fetch(max_redirects=0)).headers["location"])
        return await route.fulfill(content_type="text/html", body="on its way")

    await window.route("**/v2/auth/authorize/**", catch)
    await answers(window, auth_url, username)
    await window.unroute("**/v2/auth/authorize/**")
    return where[0]


async def shown(window: Page, name: str) -> tuple[str, str]:
    """(heading, text) of the page, which says nothing that is a secret."""
    await photograph(window, name)
    return await window.get_by_role("heading").inner_text(), await window.get_by_role("main").inner_text()


async def photograph(window: Page, name: str) -> None:
    """For people: with CLIPWIRE_TEST_SCREENSHOTS=folder the pages are kept as pictures."""
    if folder := os.environ.get("CLIPWIRE_TEST_SCREENSHOTS"):
        await window.screenshot(path=Path(folder) / f"{name}.png")


async def told(guest: Guest) -> list[dict[str, Any]]:
    """What the customer heard about accounts."""
    await guest.heard()
    return [item["json"] for item in await guest.inbox() if item["type"].startswith("account.")]


async def refusals(stage: Stage, guest: Guest) -> list[str]:
    """Why consents of this customer ended without an account, by the audit log."""
    entries = (await stage.api("GET", f"audit?customer_id={guest.customer_id}&limit=200"))["data"]
    return [one["detail"]["code"] for one in entries if one["action"] == "accounts.consent" and "code" in one["detail"]]


@pytest.mark.row("SA-17")
async def test_who_grants_everything_sees_so_and_the_customer_hears_of_the_account(
    stage: Stage, guest: Guest, window: Page
) -> None:
    name = await creator(stage, "full")

    await answers(window, (await link(stage, guest))["auth_url"], name)

    heading, text = await shown(window, "full")
    assert heading == f"@{name} is connected"
    assert "All permissions were granted" in text
    [event] = await told(guest)
    assert (event["type"], event["data"]["username"], event["data"]["missing_scopes"]) == (
        "account.connected",
        name,
        [],
    )


@pytest.mark.row("BO-16", "BO-57")
async def test_who_switches_permissions_off_sees_what_is_missing_and_the_customer_hears_which(
    stage: Stage, guest: Guest, window: Page
) -> None:
    name, off = await creator(stage, "partial"), ["user.info.stats", "video.publish"]

    await answers(window, (await link(stage, guest))["auth_url"], name, off=off)

    heading, text = await shown(window, "partial")
    assert heading == f"@{name} is connected, with some permissions missing"
    assert "publish posts directly" in text
    assert "show its followers and likes" in text
    assert "show its public videos" not in text
    [event] = await told(guest)
    assert (event["type"], set(event["data"]["missing_scopes"])) == ("account.connected", set(off))


async def test_who_does_not_agree_sees_that_nothing_was_connected(stage: Stage, guest: Guest, window: Page) -> None:
    name = await creator(stage, "denies")

    await answers(window, (await link(stage, guest))["auth_url"], name, button="Cancel")

    heading, text = await shown(window, "denied")
    assert heading == "You did not agree"
    assert "Nothing was connected" in text
    assert (await told(guest), await refusals(stage, guest)) == ([], ["denied"])


async def test_going_back_and_forth_connects_once_and_says_that_the_link_was_used(
    stage: Stage, guest: Guest, window: Page
) -> None:
    name = await creator(stage, "replay")
    await answers(window, (await link(stage, guest))["auth_url"], name)

    await window.reload()

    heading, text = await shown(window, "replayed")
    assert heading == "This link was used already"
    assert "Ask for a new link" in text
    assert [event["type"] for event in await told(guest)] == ["account.connected"]


async def test_a_stolen_state_with_a_code_of_the_thief_connects_nothing(
    stage: Stage, guest: Guest, window: Page
) -> None:
    thief, victims = await creator(stage, "thief"), await link(stage, guest)
    own = await stage.guest()
    own_way = await caught(window, (await link(stage, own))["auth_url"], thief)

    code = parse_qs(urlsplit(own_way).query)["code"][0]
    await window.goto(f"{victims['redirect_uri']}?{urlencode({'state': victims['state'], 'code': code})}")

    heading, _ = await shown(window, "stolen")
    assert heading == "This answer was meant for another browser"
    assert (await told(guest), await told(own), await refusals(stage, guest)) == ([], [], ["foreign_code"])
    await window.goto(f"{victims['redirect_uri']}?{urlencode({'state': 'f' * 32, 'code': code})}")
    heading, _ = await shown(window, "unknown")
    assert heading == "This link is not known here"


async def test_a_wrong_redirect_is_refused_by_tiktok_and_here(stage: Stage, guest: Guest, window: Page) -> None:
    asked = await link(stage, guest)
    elsewhere = await link(stage, guest, redirect_uri="https://app.example/cb")

    await window.goto(asked["auth_url"].replace("%2Foauth%2Ftiktok%2Fcallback", "%2Fevil%3Fx%3D1"))
    heading, text = await shown(window, "wrong_redirect_at_tiktok")
    assert heading == "Something went wrong"
    assert "redirect_uri is not one of this app's" in text

    await window.goto(f"{asked['redirect_uri']}?{urlencode({'state': elsewhere['state'], 'code': 'x'})}")
    heading, text = await shown(window, "wrong_redirect")
    assert heading == "This link belongs to another address"
    assert await told(guest) == []


async def test_a_code_that_came_too_late_is_said_to_be_too_old(stage: Stage, guest: Guest, window: Page) -> None:
    name, asked = await creator(stage, "late"), await link(stage, guest)

    way = await caught(window, asked["auth_url"], name)

    await stage.advance(400)
    await window.goto(way)

    heading, text = await shown(window, "expired")
    assert heading == "It took too long"
    assert "Nothing was connected" in text
    assert (await told(guest), await refusals(stage, guest)) == ([], ["expired_code"])
