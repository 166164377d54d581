"""Which TikTok app an account belongs to, and the secrets that speak for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.store.store import Store
from libs.tiktok.oauth import App


@dataclass(frozen=True, slots=True, repr=False)
class OperatorApp:
    """The app of the settings. An empty client key: there is none."""

    client_key: str
    secrets: tuple[str, ...]


class AppBook:
    """The operator's app, and customers' own. Looked up for every call: a rotated secret counts at once."""

    def __init__(self, store: Store, operator: OperatorApp) -> None:
        self._store = store
        self._operator = operator

    async def credentials(self, client_key: str) -> Sequence[App]:
        """The app with each of its live secrets, newest first; none when nobody here has it."""
        if client_key and client_key == self._operator.client_key:
            secrets = self._operator.secrets
        else:
            secrets = await self._store.apps.credentials(client_key)
        return [App(client_key, secret) for secret in secrets]

    async def of_customer(self, customer_id: str) -> str | None:
        """The client key by which this customer connects accounts: its own app's, else the operator's."""
        own = await self._store.apps.of_customer(customer_id)
        return own.client_key if own is not None else self._operator.client_key or None
