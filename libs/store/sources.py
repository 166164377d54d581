"""Requests of posts as they are kept: URLs in clear without their query, and sealed beside it what that leaves out."""

from collections.abc import Mapping
from typing import Any

import orjson

from libs.model.post import Post
from libs.model.source import veiled
from libs.store.vault import Vault

_COLUMNS = (
    "id", "customer_id", "account_id", "batch_id", "idempotency_key", "state", "alarm", "in_lane", "media_id", "photos",
    "publish_at", "publish_before", "created_at",
)  # fmt: skip


def kept(request: Mapping[str, Any], vault: Vault) -> tuple[dict[str, Any], bytes | None]:
    """(the request in clear, what is sealed of it)."""
    clear, secret = veiled(request)
    return clear, vault.seal(orjson.dumps(secret).decode()) if secret else None


def whole(request: Mapping[str, Any], sealed: bytes | None, vault: Vault) -> dict[str, Any]:
    return {**request, **(orjson.loads(vault.open(sealed)) if sealed is not None else {})}


def new_record(post: Post, vault: Vault) -> dict[str, Any]:
    """The columns of a new post, as JSON values."""
    request, sources = kept(post.request, vault)
    columns = {name: getattr(post, name) for name in _COLUMNS}
    return columns | {"request": request, "sources": sources.hex() if sources else None}
