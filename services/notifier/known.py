"""The endpoints that one process knows: read when they are new, were changed, or were read a while ago."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from libs.model.endpoint import Endpoint
from libs.store.deliveries import LaneSeen
from libs.store.store import Store
from services.notifier.deliver import Destination

KNOWN_MAX = 5000
KNOWN_FOR = timedelta(seconds=5)
OF_LEASE = 0.8
"""The part of its lease that a request may take at most: what cannot end in time is not begun at all."""


class Known:
    """Destinations by endpoint id. Secrets stay in memory only while they are used."""

    def __init__(self, store: Store, *, concurrency: int, lease: timedelta) -> None:
        self._store = store
        self._concurrency = concurrency
        self._timeout_max = OF_LEASE * lease.total_seconds()
        self._known: dict[str, tuple[Destination | None, datetime]] = {}

    def of(self, endpoint_id: str) -> Destination | None:
        """Where its deliveries go, None when nothing is sent to it. It must have been learnt."""
        return self._known[endpoint_id][0]

    async def learn(
        self, endpoint_ids: Collection[str], seen: Mapping[str, LaneSeen], *, now: datetime, used: Collection[str]
    ) -> list[str]:
        """Reads those of the endpoints that have to be read, and returns them; `used` are not forgotten for want of
        room."""
        unknown = [id_ for id_ in endpoint_ids if self._is_old(id_, seen, now=now)]
        if not unknown:
            return []
        if len(self._known) > KNOWN_MAX:
            self._known = {id_: known for id_, known in self._known.items() if id_ in used}
        found = await self._store.endpoints.get_many(unknown)
        for id_ in unknown:
            endpoint = found.get(id_)
            destination = self._destination(endpoint, now=now) if endpoint is not None and endpoint.sends else None
            self._known[id_] = (destination, now)
        return unknown

    def _is_old(self, id_: str, seen: Mapping[str, LaneSeen], *, now: datetime) -> bool:
        if id_ not in self._known:
            return True
        destination, read = self._known[id_]
        if now - read > KNOWN_FOR:
            return True
        lane = seen.get(id_)
        return lane is not None and (destination is None or destination.version != lane.endpoint_version)

    def _destination(self, endpoint: Endpoint, *, now: datetime) -> Destination:
        return Destination(endpoint, timeout_max=self._timeout_max, concurrency=self._concurrency, now=now)
