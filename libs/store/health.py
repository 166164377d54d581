"""What tries mean for their endpoints: runs of failures, circuits, notices. Within the transaction that saves them."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from libs.model.circuit import OPEN_AFTER, Circuit, due_notice
from libs.model.delivery import Verdict
from libs.model.endpoint import DisabledFor
from libs.model.event import Event, EventType, event, stamp
from libs.store import rows
from libs.store.pool import Connection
from libs.store.sql import Queries

SQL = Queries("deliveries")


class _Delivery(Protocol):
    @property
    def endpoint_id(self) -> str: ...


class Tried(Protocol):
    """What is asked of a try."""

    @property
    def delivery(self) -> _Delivery: ...
    @property
    def verdict(self) -> Verdict: ...


@dataclass(slots=True)
class Ill:
    """Endpoints that fare ill by a batch of tries."""

    failures: Mapping[str, int]
    """Failed tries of endpoints that answered none well."""
    whys: Mapping[str, str]
    pauses: Mapping[str, datetime]
    gone: Set[str]
    given_up: set[str] = field(default_factory=set)
    """Those that failed too long: only probes go out from now on."""

    @classmethod
    def of(cls, settled: Sequence[Tried], well: Set[str]) -> "Ill":
        failed = [(s.delivery.endpoint_id, s.verdict) for s in settled if not s.verdict.healthy]
        return cls(
            failures=Counter(id_ for id_, _ in failed if id_ not in well),
            whys={id_: verdict.why.partition(";")[0] for id_, verdict in failed},
            pauses=dict(sorted((id_, verdict.pause_until) for id_, verdict in failed if verdict.pause_until)),
            gone={id_ for id_, verdict in failed if verdict.gone},
        )


async def mark(connection: Connection, ill: Ill, *, now: datetime) -> list[Event]:
    """Notes which endpoints fare ill and since when, disables those that have for too long; returns the notices due."""
    concerned = sorted({*ill.failures, *ill.gone})
    if not concerned:
        return []
    marks, notices = [], []
    for row in await connection.fetch(SQL.hold_ill, concerned):
        since = row["failing_since"] or now
        told, cause, reason, notice = _judged(row, ill, since=since, now=now)
        if notice is not None:
            notices.append(notice)
        if row["failing_since"] is None or notice is not None:
            marks.append((row["id"], since, told, cause, reason))
    if marks:
        await connection.execute(SQL.mark_ill, *rows.columns(marks, 5), now)
    return notices


def _judged(
    row: rows.Row, ill: Ill, *, since: datetime, now: datetime
) -> tuple[int, str | None, str | None, Event | None]:
    """(percent told, disabled for, reason, notice) of an endpoint that failed again."""
    id_, cause = row["id"], row["disabled_for"]
    if id_ in ill.gone and cause in (None, DisabledFor.FAILING):
        reason = "answered 410 Gone"
        return row["failing_told"], str(DisabledFor.GONE), reason, _disabled(row, DisabledFor.GONE, reason, now=now)
    percent = due_notice(failing_since=since, told=row["failing_told"], disable_after=row["disable_after"], now=now)
    if cause is not None or percent is None:
        return row["failing_told"], None, None, None
    if percent < 100:
        return percent, None, None, _failing(row, percent, ill.whys[id_], since=since, now=now)
    days = row["disable_after"].total_seconds() / 86_400
    reason = f"failing for {days:g} days"
    ill.given_up.add(id_)
    return row["failing_told"], str(DisabledFor.FAILING), reason, _disabled(row, DisabledFor.FAILING, reason, now=now)


async def pause(connection: Connection, ill: Ill, *, now: datetime) -> None:
    """Counts failures in a row, opens circuits, and pauses lanes as long as was asked and as their circuits say."""
    pauses = dict(ill.pauses)
    circuits = []
    if ill.failures:
        for row in await connection.fetch(SQL.hold_circuits, sorted(ill.failures)):
            id_ = row["endpoint_id"]
            more = max(ill.failures[id_], OPEN_AFTER if id_ in ill.given_up else 0)
            circuit = Circuit(row["failures"], row["open_since"]).after(more, now=now)
            circuits.append((id_, circuit.failures, circuit.open_since))
            until = circuit.paused_until(now)
            if until is not None:
                pauses[id_] = max(until, pauses.get(id_, until))
    if circuits:
        await connection.execute(SQL.save_circuits, *rows.columns(circuits, 3))
    if pauses:
        await connection.execute(SQL.pause_lanes, list(pauses), list(pauses.values()))
    if ill.gone:
        await connection.execute(SQL.disable_lanes, sorted(ill.gone))


async def recover(connection: Connection, endpoint_ids: Sequence[str], *, now: datetime) -> list[Event]:
    """Ends the failing of endpoints that answer well again; returns the notices."""
    if not endpoint_ids:
        return []
    found = await connection.fetch(SQL.recover, list(endpoint_ids), now)
    awake = sorted(row["id"] for row in found if row["state"] == "enabled")
    if awake:
        await connection.execute(SQL.close_circuits, awake, now)
    told = [row for row in found if row["failing_told"] > 0 or row["disabled_for"] == DisabledFor.FAILING]
    return [_recovered(row, now=now) for row in told]


def _failing(row: rows.Row, percent: int, why: str, *, since: datetime, now: datetime) -> Event:
    more = {
        "failing_since": stamp(since),
        "percent": percent,
        "disabled_at": stamp(since + row["disable_after"]),
        "last_failure": why,
    }
    return _notice(EventType.ENDPOINT_FAILING, row, f"failing:{since.timestamp():.0f}:{percent}", more, now=now)


def _disabled(row: rows.Row, cause: DisabledFor, reason: str, *, now: datetime) -> Event:
    more = {"reason": reason, "comes_back_by_itself": cause is DisabledFor.FAILING}
    return _notice(EventType.ENDPOINT_DISABLED, row, f"disabled:{now.timestamp():.0f}", more, now=now)


def _recovered(row: rows.Row, *, now: datetime) -> Event:
    more = {"failing_since": stamp(row["failing_since"]), "was_disabled": row["disabled_for"] is not None}
    return _notice(EventType.ENDPOINT_RECOVERED, row, f"recovered:{now.timestamp():.0f}", more, now=now)


def _notice(type_: EventType, row: rows.Row, key: str, more: Mapping[str, object], *, now: datetime) -> Event:
    # A query may hold the customer's token, and a notice goes to other places than this URL.
    data = {"endpoint_id": row["id"], "url": row["url"].partition("?")[0], **more}
    return event(type_, key=f"{row['id']}:{key}", now=now, data=data, customer_id=row["customer_id"])
