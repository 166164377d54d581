"""A post and its states."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from libs.model.ids import is_id
from libs.model.problem import Problem


class PostState(StrEnum):
    """Where a post stands. The CHECKs of the `posts` table say the same in SQL."""

    DRAFT = "draft"
    """Ours, not TikTok's: kept, not sent. Waits for a person; no alarm."""
    SCHEDULED = "scheduled"
    """Waits for `publish_at`, and then in its account's lane for its turn. Leaves to initializing, queued, cancelled or
    failed."""
    QUEUED = "queued"
    """Waits for its account's lane to have a free init. Also where a post returns that is proven not published."""
    INITIALIZING = "initializing"
    """A publication is intended; its init call may be under way."""
    UPLOADING = "uploading"
    """TikTok gave an upload URL; bytes are being sent."""
    PROCESSING = "processing"
    """TikTok has every byte and has not said how it ended."""
    UNCONFIRMED = "unconfirmed"
    """It may have published and nobody has said so. Never sent again without proof."""
    IN_INBOX = "in_inbox"
    """A draft at TikTok; its creator finishes it, once or several times. No alarm."""
    PUBLISHED = "published"
    """TikTok said so. An alarm only while a public id is expected."""
    FAILED = "failed"
    """Proven not published and not to be tried again. Final."""
    CANCELLED = "cancelled"
    """Stopped before TikTok could publish it. Final."""


FINAL = frozenset({PostState.FAILED, PostState.CANCELLED})
SETTLED = FINAL | {PostState.PUBLISHED, PostState.IN_INBOX}
"""Nothing of ours is left to do; a batch is complete when all of its posts are."""
UNSENT = frozenset({PostState.DRAFT, PostState.SCHEDULED, PostState.QUEUED})
"""No publication is live: cancelling is immediate and truthful."""


_NOBODYS = "none-"


def nobodys_key(id_: str) -> str:
    """The idempotency key of a request that came without one: unlike every other. `id_` is one made for this."""
    return _NOBODYS + id_


@dataclass(frozen=True, slots=True)
class Post:
    """One row of `posts`. `request` is the accepted post request; `version` guards every save."""

    id: str
    customer_id: str
    account_id: str
    batch_id: str | None
    idempotency_key: str
    request: dict[str, Any]
    state: PostState
    version: int
    alarm: datetime | None
    in_lane: bool
    created_at: datetime
    updated_at: datetime
    failures: int = 0
    """Hiccups on the way to TikTok: calls that failed, files that did not come, faults of ours."""
    retries: int = 0
    """Publications that TikTok ended with a reason worth another init. Waiting for a limit counts as neither."""
    life: int = 1
    """A failed post that is tried again on request begins another life, with nothing counted."""
    publication: int = 0
    media_id: str | None = None
    photos: tuple[str, ...] = ()
    """The media of a photo post in order, once all of them are here; `media_id` is then the first."""
    cancel_requested_at: datetime | None = None
    publish_at: datetime | None = None
    publish_before: datetime | None = None
    slot_at: datetime | None = None
    """When one of TikTok's caps is expected to have room for it; only while it is queued."""
    held_at: datetime | None = None
    """Since when it waits for its comparison with TikTok, after the database went back in time; unconfirmed only."""
    public_post_ids: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None
    finished_at: datetime | None = None

    @property
    def chosen_key(self) -> str | None:
        """The idempotency key, unless the request came without one."""
        nobodys = self.idempotency_key.startswith(_NOBODYS) and is_id(self.idempotency_key[len(_NOBODYS) :], "post")
        return None if nobodys else self.idempotency_key

    @property
    def inbox(self) -> bool:
        return bool(self.request.get("mode") == "inbox")

    @property
    def photo(self) -> bool:
        return bool(self.request.get("kind") == "photo")

    @property
    def pulled(self) -> bool:
        """Whether TikTok fetches its media: photos always, videos when that was asked for."""
        return self.photo or bool(self.request.get("transfer") == "pull")

    @property
    def media_ids(self) -> tuple[str, ...]:
        """Every media of it that is here, in order."""
        return self.photos or ((self.media_id,) if self.media_id else ())

    @property
    def may_become_public(self) -> bool:
        """Whether TikTok will ever give a public id (fact sheet 3.5: never for private or friends-only posts)."""
        return bool(self.request.get("privacy_level") == "PUBLIC_TO_EVERYONE")

    def describe(self) -> dict[str, Any]:
        """What every event and answer says of a post."""
        return {
            "post_id": self.id,
            "customer_id": self.customer_id,
            "account_id": self.account_id,
            "batch_id": self.batch_id,
            "state": self.state,
            "kind": self.request.get("kind"),
            "mode": self.request.get("mode"),
            "tiktok_post_ids": list(self.public_post_ids),
            "metadata": self.request.get("metadata") or {},
        }


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a post's timeline."""

    kind: str
    detail: dict[str, Any] = field(default_factory=dict)


def failed_upstream(
    *,
    code: str,
    detail: str,
    remedy: str,
    retryable: bool = False,
    fail_reason: str | None = None,
    log_id: str | None = None,
) -> Problem:
    """The problem of a post that TikTok refused; keeps its own words under `upstream`."""
    said = {"code": code, "fail_reason": fail_reason, "log_id": log_id}
    upstream = {name: value for name, value in said.items() if value}
    return Problem(code, "TikTok did not publish the post", 422, detail, remedy, retryable, (), upstream)
