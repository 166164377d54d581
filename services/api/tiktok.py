"""The api's line to TikTok: connecting and disconnecting accounts, and reading who they are."""

from collections.abc import Callable
from dataclasses import dataclass

from libs.accounts.apps import AppBook, OperatorApp
from libs.accounts.connect import Connector
from libs.accounts.disconnect import Disconnector
from libs.accounts.token import TokenKeeper
from libs.runtime.clock import Clock
from libs.runtime.settings import reveal
from libs.runtime.web import HttpServer
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from services.api.settings import CALLBACK, ApiSettings


@dataclass(frozen=True, slots=True)
class TikTok:
    """What handlers need of `libs.accounts`; one per program."""

    client: TikTokClient
    apps: AppBook
    tokens: TokenKeeper
    connector: Connector
    disconnector: Disconnector
    callback_url: Callable[[], str]
    """The hosted page. Beneath PUBLIC_URL, else on this machine, where it is known once the server listens."""

    @classmethod
    def of(
        cls, settings: ApiSettings, *, store: Store, client: TikTokClient, server: HttpServer, clock: Clock
    ) -> "TikTok":
        operator = OperatorApp(settings.tiktok_client_key, tuple(reveal(settings.tiktok_client_secret)))
        apps = AppBook(store, operator)
        tokens = TokenKeeper(store, client, apps)
        return cls(
            client,
            apps,
            tokens,
            Connector(store, client, apps, now=clock.now),
            Disconnector(store, client, apps, tokens, now=clock.now),
            lambda: f"{settings.public_url or server.url}{CALLBACK}",
        )
