"""Whether TikTok answers and knows the app, and what the app may do."""

import asyncio
from collections.abc import AsyncIterator

from libs.runtime.settings import reveal
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import NoReply, OAuthRefused, TikTokError
from libs.tiktok.oauth import App
from services.cli.doctor.finding import Finding, broken, fine, limited
from services.cli.doctor.settings import DeploymentSettings

ASK_S = 8.0
AUDIT = "Ask for the audit in TikTok's developer portal; once it is granted set TIKTOK_AUDITED=true."


async def tiktok(settings: DeploymentSettings) -> AsyncIterator[Finding]:
    """Asks for the app's own token with each live secret; it is thrown away."""
    if not settings.tiktok_client_key or not settings.tiktok_client_secret:
        remedy = "Set TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET as TikTok's developer portal shows them."
        yield broken("tiktok app", "no app is configured", remedy=remedy)
        return
    secrets = reveal(settings.tiktok_client_secret)
    async with TikTokClient(api_url=settings.tiktok_api_url, auth_url=settings.tiktok_auth_url) as client:
        for finding in await asyncio.gather(*(_known(client, settings, n, secret) for n, secret in enumerate(secrets))):
            yield finding
    yield _mode(settings)


async def _known(client: TikTokClient, settings: DeploymentSettings, n: int, secret: str) -> Finding:
    which = "the app's secret" if len(settings.tiktok_client_secret) == 1 else f"the app's secret no. {n + 1}"
    try:
        await client.client_token(App(settings.tiktok_client_key, secret), timeout=ASK_S)
    except OAuthRefused as error:
        remedy = "Copy TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET anew from TikTok's developer portal."
        return broken("tiktok app", f"TikTok refuses {which}: {error}", remedy=remedy)
    except NoReply as error:
        remedy = "Let this machine reach TIKTOK_API_URL: name resolution, firewall, outgoing https."
        return broken("tiktok", f"{settings.tiktok_api_url} does not answer: {error}", remedy=remedy)
    except TikTokError as error:
        remedy = "Look again in a few minutes; TikTok's status page may know. Is TIKTOK_API_URL right?"
        return broken("tiktok", f"{settings.tiktok_api_url} is in trouble: {error}", remedy=remedy)
    return fine("tiktok app", f"{settings.tiktok_api_url} answers and takes {which}")


def _mode(settings: DeploymentSettings) -> Finding:
    if settings.tiktok_audited:
        return fine("tiktok mode", "audited (TIKTOK_AUDITED): every privacy level a creator has may be used")
    text = "not audited: posts can only be SELF_ONLY, to private accounts, by at most five creators a day"
    return limited("tiktok mode", text, remedy=AUDIT)
