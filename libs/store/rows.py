"""Rows to values and back: the one place that knows both the columns and the model."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg

from libs.model.event import Event
from libs.model.ids import day_of
from libs.model.key import Reach
from libs.model.news import News
from libs.model.post import Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.store.vault import Vault

Row = asyncpg.Record


def post(row: Row) -> Post:
    return Post(
        id=row["id"],
        customer_id=row["customer_id"],
        account_id=row["account_id"],
        batch_id=row["batch_id"],
        idempotency_key=row["idempotency_key"],
        request=row["request"],
        state=PostState(row["state"]),
        version=row["version"],
        alarm=row["alarm"],
        in_lane=row["in_lane"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        failures=row["failures"],
        retries=row["retries"],
        life=row["life"],
        publication=row["publication"],
        media_id=row["media_id"],
        photos=tuple(row["photos"]),
        cancel_requested_at=row["cancel_requested_at"],
        publish_at=row["publish_at"],
        publish_before=row["publish_before"],
        slot_at=row["slot_at"],
        held_at=row["held_at"],
        public_post_ids=tuple(row["public_post_ids"]),
        problem=row["problem"],
        finished_at=row["finished_at"],
    )


def post_record(value: Post) -> dict[str, Any]:
    """The columns a save may change, as JSON values."""
    return {
        "id": value.id,
        "version": value.version,
        "state": value.state,
        "alarm": value.alarm,
        "in_lane": value.in_lane,
        "failures": value.failures,
        "retries": value.retries,
        "life": value.life,
        "publication": value.publication,
        "media_id": value.media_id,
        "photos": list(value.photos),
        "publish_at": value.publish_at,
        "publish_before": value.publish_before,
        "slot_at": value.slot_at,
        "held_at": value.held_at,
        "cancel_requested_at": value.cancel_requested_at,
        "public_post_ids": list(value.public_post_ids),
        "problem": value.problem,
        "updated_at": value.updated_at,
        "finished_at": value.finished_at,
    }


def publication(row: Row, vault: Vault) -> Publication:
    return Publication(
        post_id=row["post_id"],
        n=row["n"],
        state=PublicationState(row["state"]),
        intent_at=row["intent_at"],
        publish_id=row["publish_id"],
        upload_url=vault.open(row["upload_url"]) if row["upload_url"] else None,
        url_expires_at=row["url_expires_at"],
        size=row["size"],
        chunk_size=row["chunk_size"],
        chunk_count=row["chunk_count"],
        sent_bytes=row["sent_bytes"],
        committing_at=row["committing_at"],
        last_status=row["last_status"],
        pull=row["pulled_for"] is not None,
        cancel_asked_at=row["cancel_asked_at"],
    )


def publication_columns(values: Sequence[Publication], vault: Vault) -> list[list[Any]]:
    rows = [
        (
            p.post_id, p.n, str(p.state), p.intent_at, p.publish_id, vault.seal(p.upload_url) if p.upload_url else None,
            p.url_expires_at, p.size, p.chunk_size, p.chunk_count, p.sent_bytes, p.committing_at, p.last_status,
            p.pull, p.cancel_asked_at,
        )
        for p in values
    ]  # fmt: skip
    return columns(rows, 15)


def news(row: Row) -> News:
    return News(row["publication"], row["kind"], row["tiktok_post_id"], row["n"], row["create_time"])


def event_columns(events: Sequence[Event]) -> list[list[Any]]:
    rows = [
        (e.id, day_of(e.id), e.key, str(e.type), e.customer_id, e.account_id, e.post_id, e.occurred_at, e.body)
        for e in events
    ]
    return columns(rows, 9)


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into columns for `unnest`; `width` lists even when there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def reach(value: Reach) -> tuple[list[str] | None, list[str]]:
    """The two arguments by which a statement keeps to the accounts that a key may reach."""
    return (sorted(value.only) if value.only is not None else None), sorted(value.but)


def id_day(id_: str) -> date | None:
    """The partition of an id, or None when the text is no id of ours: then there is no such row."""
    try:
        return day_of(id_)
    except ValueError:
        return None
