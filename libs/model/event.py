"""Events: what customers hear. Each has a natural key, so that two ways of learning a thing make one event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from libs.model.event_type import EventType
from libs.model.ids import new_id
from libs.model.payload import check

__all__ = ["Event", "EventType", "event", "stamp"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `key` is unique for ever: recording a second event with the same key does nothing.

    `customer_id` is None for what belongs to the operator alone; such an event goes to RabbitMQ and no customer.
    """

    id: str
    key: str
    type: EventType
    customer_id: str | None
    account_id: str | None
    post_id: str | None
    occurred_at: datetime
    body: str
    """The webhook body, the same bytes on every try."""


def event(
    type_: EventType,
    *,
    key: str,
    now: datetime,
    data: Mapping[str, Any],
    customer_id: str | None,
    account_id: str | None = None,
    post_id: str | None = None,
) -> Event:
    """Makes an event with a fresh id. `data` must be JSON values; `key` says what makes it the same event.

    The one way to make one: raises `BadEvent` for a body that breaks the contract of its type.
    """
    id_ = new_id("evt", now)
    body = orjson.dumps({"id": id_, "type": type_, "timestamp": stamp(now), "data": dict(data)})
    check(type_, body)
    return Event(id_, key, type_, customer_id, account_id, post_id, now, body.decode())


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, milliseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def thin(body: str) -> bytes:
    """The webhook body without what happened: its data's ids only. The same bytes on every try."""
    whole = orjson.loads(body)
    ids = {name: value for name, value in whole["data"].items() if name == "id" or name.endswith(("_id", "_ids"))}
    return orjson.dumps(whole | {"data": ids})
