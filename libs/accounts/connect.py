"""Connecting accounts by OAuth: where to send the creator, and what becomes of how they come back."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from libs.accounts.apps import AppBook
from libs.accounts.token import tokens_of, with_any
from libs.model.account import Account
from libs.model.connect import LIFE, LINK_LIFE, Connect, Invitation, Judged, Unopened, may_open
from libs.model.event import Event, EventType, event
from libs.model.ids import new_id
from libs.store.connects import Claimed
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.display import User, user_fields
from libs.tiktok.errors import OAuthRefused, TikTokError
from libs.tiktok.oauth import App, Denied, UserTokens, challenge, needs_pkce, new_verifier, read_callback
from libs.tiktok.readings import Class, Reading

log = structlog.get_logger()

EXCHANGE_S = 15.0
PROFILE_S = 5.0


@dataclass(frozen=True, slots=True, repr=False)
class Begun:
    """Where to send the creator's browser. `state` comes back with it, and is a secret until then."""

    auth_url: str
    state: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Invited:
    """What opens a link to reconnect, until when. The token is a secret of whoever asked, and of the creator."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A consent that brought no account. `connect` is whose it was, when that may be told."""

    why: Judged
    detail: str = ""
    connect: Connect | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The account, connected; which scopes its creator left switched off is the account's to say."""

    account: Account
    connect: Connect
    user: User
    """What the granted scopes told of the creator, nothing if TikTok did not say."""


class Connector:
    """Begins and ends consents. A state is 128 random bits, bound to its customer and redirect, for one use."""

    def __init__(self, store: Store, client: TikTokClient, apps: AppBook, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._client = client
        self._apps = apps
        self._now = now

    async def begin(
        self,
        *,
        customer_id: str,
        client_key: str,
        redirect_uri: str,
        scopes: Sequence[str],
        made_by: str,
        account_id: str | None = None,
        group_id: str | None = None,
        always_ask: bool = False,
    ) -> Begun:
        """Asks for a consent. `redirect_uri` is one that `redirect_problem` has nothing against."""
        now = self._now()
        connect = Connect(
            customer_id=customer_id,
            client_key=client_key,
            redirect_uri=redirect_uri,
            scopes=tuple(scopes),
            made_by=made_by,
            created_at=now,
            expires_at=now + LIFE,
            account_id=account_id,
            group_id=group_id,
        )
        state, verifier = _fresh(redirect_uri)
        await self._store.connects.begin(connect, state=state, verifier=verifier)
        return self._begun(connect, state, verifier, always_ask=always_ask)

    async def invite(
        self,
        account: Account,
        *,
        redirect_uri: str,
        scopes: Sequence[str],
        made_by: str,
        life: timedelta = LINK_LIFE,
        always_ask: bool = False,
    ) -> Invited:
        """Makes what opens a link to reconnect this account. It works until the account is connected again.

        It holds no state: whoever opens it begins a consent that only the account's own creator can end.
        """
        now, token = self._now(), secrets.token_urlsafe(32)
        invitation = Invitation(
            customer_id=account.customer_id,
            account_id=account.id,
            client_key=account.client_key,
            redirect_uri=redirect_uri,
            scopes=tuple(scopes),
            always_ask=always_ask,
            grant_n=account.grant_n,
            made_by=made_by,
            created_at=now,
            expires_at=now + life,
        )
        await self._store.connects.invite(invitation, token=token)
        return Invited(token, invitation.expires_at)

    async def opened(self, token: str) -> Begun | Unopened:
        """Begins the consent that a link asks for, or says why it leads nowhere."""
        now, found = self._now(), await self._store.connects.invitation(token)
        invitation, granted = found if found is not None else (None, 0)
        why = may_open(invitation, granted=granted, now=now)
        if why is not None or invitation is None:
            return why or Unopened.UNKNOWN
        connect, (state, verifier) = invitation.begin(now), _fresh(invitation.redirect_uri)
        if not await self._store.connects.begin(connect, state=state, verifier=verifier, link=token):
            return Unopened.TOO_OFTEN
        return self._begun(connect, state, verifier, always_ask=invitation.always_ask)

    def _begun(self, connect: Connect, state: str, verifier: str | None, *, always_ask: bool) -> Begun:
        auth_url = self._client.authorize_url(
            client_key=connect.client_key,
            redirect_uri=connect.redirect_uri,
            scopes=connect.scopes,
            state=state,
            code_challenge=challenge(verifier) if verifier is not None else None,
            always_ask=always_ask,
        )
        return Begun(auth_url, state, connect.expires_at)

    async def returned(
        self, query: Mapping[str, str], *, redirect_uri: str, customer_id: str | None = None
    ) -> Connected | Ended:
        """Ends a consent by how the browser came back, its query decoded once. The state is used up first.

        `customer_id` is whose key brings the query; None when the browser itself does.
        """
        answer = read_callback(query)
        state = answer.state if answer is not None else query.get("state", "")
        claimed = await self._store.connects.claim(
            state, redirect_uri=redirect_uri, customer_id=customer_id, now=self._now()
        )
        if isinstance(claimed, Judged):
            return Ended(claimed)
        connect = claimed.connect
        if answer is None:
            return Ended(Judged.NO_ANSWER, connect=connect)
        if isinstance(answer, Denied):
            return Ended(_denied(answer.reading), answer.reading.remedy, connect)
        apps = await self._apps.credentials(connect.client_key)
        if not apps:
            return Ended(Judged.UNKNOWN_APP, connect=connect)
        given = await self._exchange(apps, answer.code, claimed)
        return given if isinstance(given, Ended) else await self._keep(given, connect, apps)

    async def _exchange(self, apps: Sequence[App], code: str, claimed: Claimed) -> UserTokens | Ended:
        connect = claimed.connect
        try:
            reply = await with_any(
                apps,
                lambda app: self._client.exchange_code(
                    app,
                    code,
                    redirect_uri=connect.redirect_uri,
                    code_verifier=claimed.verifier,
                    timeout=EXCHANGE_S,
                ),
            )
        except OAuthRefused as error:
            log.info("connect.refused", code=error.code, log_id=error.log_id, customer=connect.customer_id)
            if error.reading.kind is Class.REAUTHORIZE:  # invalid_grant; only its words tell the two reasons apart
                foreign = "verifier" in error.message.lower()
                return Ended(Judged.FOREIGN_CODE if foreign else Judged.EXPIRED_CODE, connect=connect)
            return Ended(_refused(error.reading), error.reading.remedy, connect)
        except TikTokError as error:
            log.warning("connect.trouble", error=type(error).__name__, customer=connect.customer_id)
            return Ended(Judged.TIKTOK_TROUBLE, connect=connect)
        return reply.value

    async def _keep(self, given: UserTokens, connect: Connect, apps: Sequence[App]) -> Connected | Ended:
        if connect.account_id is not None:
            old = await self._store.accounts.get(connect.account_id, customer_id=connect.customer_id)
            if old is None or old.open_id != given.open_id:
                await self._give_back(given, connect, apps)
                return Ended(Judged.OTHER_CREATOR, connect=connect)
        user = await self._user(given)
        now = self._now()
        account = await self._store.accounts.connect(
            id_=new_id("acc", now),
            customer_id=connect.customer_id,
            client_key=connect.client_key,
            open_id=given.open_id,
            username=user.username,
            display_name=user.display_name,
            tokens=tokens_of(given, now=now),
            wanted=connect.scopes,
            group_id=connect.group_id,
            now=now,
            tell=lambda account: [connected_event(account, now=now)],
        )
        log.info("account.connected", account=account.id, grant=account.grant_n, missing=account.missing_scopes)
        return Connected(account, connect, user)

    async def _user(self, given: UserTokens) -> User:
        """Who it is, as far as the granted scopes tell; nobody is kept from connecting because that did not come."""
        fields = user_fields(given.scopes)
        if not fields:
            return User()
        try:
            token = given.access_token.get_secret_value()
            return (await self._client.user_info(token, fields, timeout=PROFILE_S)).value
        except TikTokError as error:
            log.warning("connect.no_profile", error=type(error).__name__)
            return User()

    async def _give_back(self, given: UserTokens, connect: Connect, apps: Sequence[App]) -> None:
        """Somebody else's grant, which nobody wanted: revoked, unless a connected account here stands on it."""
        if await self._store.accounts.connected_elsewhere(connect.client_key, given.open_id):
            return
        try:
            token = given.access_token.get_secret_value()
            await with_any(apps, lambda app: self._client.revoke(app, token, timeout=PROFILE_S))
        except TikTokError as error:
            log.warning("connect.not_given_back", error=type(error).__name__)


def _fresh(redirect_uri: str) -> tuple[str, str | None]:
    """A state, and a PKCE verifier where that applies."""
    return secrets.token_hex(16), new_verifier() if needs_pkce(redirect_uri) else None


def _denied(reading: Reading) -> Judged:
    return Judged.DENIED if reading.code == "access_denied" else _refused(reading)


def _refused(reading: Reading) -> Judged:
    return Judged.TIKTOK_TROUBLE if reading.kind is Class.RETRY else Judged.REFUSED_BY_TIKTOK


def connected_event(account: Account, *, now: datetime) -> Event:
    """Told once per grant."""
    return event(
        EventType.ACCOUNT_CONNECTED,
        key=f"{account.id}:connected:{account.grant_n}",
        now=now,
        data=account.describe(),
        customer_id=account.customer_id,
        account_id=account.id,
    )
