"""Facts that are not about a publication: of accounts, of other TikTok products, and of nothing we know."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from libs.model.account import REMOVED_REASONS, Account, AccountState, removal_applies
from libs.model.event import Event, EventType, event
from libs.model.fact import Fact, FactKind
from libs.model.forwarded import exact
from libs.store.facts import Claimed
from libs.store.store import Store

log = structlog.get_logger()

_FORWARDED = {
    FactKind.SHARE_PUBLISHED: EventType.VIDEO_PUBLISH_COMPLETED,
    FactKind.SHARE_FAILED: EventType.VIDEO_UPLOAD_FAILED,
    FactKind.DOWNLOAD_READY: EventType.PORTABILITY_DOWNLOAD_READY,
    FactKind.UNRECOGNIZED: EventType.TIKTOK_UNRECOGNIZED,
}


class Hearsay:
    """Settles such facts, one at a time: they are rare."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def settle(self, claimed: Claimed) -> None:
        """Events are recorded before the fact is settled: a crash between the two repeats them under the same keys."""
        now = self._now()
        fact = claimed.fact
        if fact.kind is FactKind.AUTHORIZATION_REMOVED:
            result = await self._removed(fact, now=now)
        elif fact.kind in _FORWARDED:
            owners = await self._owners(fact)
            await self._store.events.record(_forward(fact, owners, now=now), now=now)
            result = f"told {len(owners)} accounts"
        else:
            result = "kept"
        await self._store.facts.settle([(claimed.id, result)], now=now)

    async def _owners(self, fact: Fact) -> list[Account]:
        if not fact.open_id:
            return []
        return await self._store.accounts.by_open_id(client_key=fact.client_key, open_id=fact.open_id)

    async def _removed(self, fact: Fact, *, now: datetime) -> str:
        """One creator may be connected by several customers; each grant that is not newer than the removal ends."""
        ended = 0
        for account in await self._owners(fact):
            applies = removal_applies(create_time=fact.create_time, granted_at=account.granted_at)
            if not applies or account.state is AccountState.DISCONNECTED:
                continue
            reason = REMOVED_REASONS.get(int(fact.reason) if fact.reason.isdecimal() else 0, REMOVED_REASONS[0])
            after = account.ended(AccountState.DISCONNECTED, reason)
            told = event(
                EventType.ACCOUNT_DISCONNECTED,
                key=f"{account.id}:disconnected:{account.grant_n}",
                now=now,
                data=after | {"tiktok_reason": fact.reason},
                customer_id=account.customer_id,
                account_id=account.id,
            )
            state = AccountState.DISCONNECTED
            changed = await self._store.accounts.end(account, state, used=None, reason=reason, events=[told], now=now)
            ended += changed
            log.info("account.disconnected", account=account.id, reason=reason, changed=changed)
        return f"ended {ended} grants"


def _forward(fact: Fact, owners: Sequence[Account], *, now: datetime) -> list[Event]:
    """One event per customer's account; without an owner it is the operator's own."""
    type_ = _FORWARDED[fact.kind]
    data = {
        "tiktok_event": fact.data.get("event"),
        "client_key": fact.client_key,
        "open_id": fact.open_id or None,
        "create_time": fact.create_time,
        "content": exact(fact.data.get("content", {})),
    }
    if not owners:
        return [event(type_, key=f"{fact.key}:operator", now=now, data=data, customer_id=None)]
    return [
        event(
            type_,
            key=f"{fact.key}:{account.id}",
            now=now,
            data=data | {"account_id": account.id},
            customer_id=account.customer_id,
            account_id=account.id,
        )
        for account in owners
    ]
