"""Posts. What `POST /v1/posts` takes is `libs.model.post_request.PostRequest`, and `customer_id` for operator keys."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from libs.model.post import PostState
from libs.model.post_request import Key, PostRequest
from libs.model.post_request import Moment as When
from libs.model.publication import PublicationState
from libs.rest.field import NOT_NULL, AccountId, BatchId, CustomerId, Digits, Future, GroupId, Moment, PostId
from libs.rest.shape import Answer, Ask, Item, PageQuery

AUTOMATIC: Final = "auto-"
"""How an idempotency key begins that a client made by itself, so that its own tries make one post. Nobody chose it: it
does not say that the same content is meant to go out once more."""


class PostsQuery(PageQuery):
    """Posts accepted from `since` on and before `until`. `group_id` is the account that is in the group now.

    By `idempotency_key` an operator key has to name the customer.
    """

    cursor: PostId | None = None
    state: PostState | None = None
    kind: Literal["video", "photo"] | None = None
    account_id: AccountId | None = None
    group_id: GroupId | None = None
    batch_id: BatchId | None = None
    idempotency_key: Key | None = None
    since: Future | None = None
    until: Future | None = None


class PostNew(PostRequest):
    """The body of `POST /v1/posts`. An operator's key names the customer, or leaves it to the accounts."""

    customer_id: CustomerId | None = None


FIXED: Final = ("account_id", "account_ids", "customer_id", "draft", "idempotency_key")
"""What makes a draft the post it is; everything else of it may be edited."""


def _optional(field: FieldInfo) -> Any:
    """Left out, it stays; null takes away what a post may be without."""
    kind: Any = field.annotation
    said = [*field.metadata, *([Field(json_schema_extra=extra)] if (extra := field.json_schema_extra) else [])]
    some = (Annotated[kind, *said] if said else kind) | None
    return some if field.default is None else Annotated[some, NOT_NULL]


_EDITABLE: Any = {
    name: (_optional(field), None) for name, field in PostRequest.model_fields.items() if name not in FIXED
}
PostChange = create_model(
    "PostChange",
    __base__=Ask,
    __doc__="Fields of a draft: those given replace its own, null takes one away.",
    **_EDITABLE,
)


class PostAnswer(Item):
    """`request` is what was accepted, defaults included; URLs in it are shown without their query, which may sign them.

    `tiktok_post_ids` are the public ids TikTok gave, as strings: they exceed what JavaScript's numbers hold.
    """

    customer_id: str
    account_id: str
    batch_id: str | None
    idempotency_key: str | None
    state: PostState
    kind: str
    mode: str
    publish_at: Moment | None
    publish_before: Moment | None
    media_id: str | None
    failures: int
    retries: int
    life: int
    next_slot_at: Moment | None
    held_at: Moment | None
    cancel_requested_at: Moment | None
    tiktok_post_ids: tuple[str, ...]
    problem: dict[str, Any] | None
    request: dict[str, Any]
    created_at: Moment
    updated_at: Moment
    finished_at: Moment | None


class PublicationAnswer(Answer):
    """One init at TikTok. Sizes in bytes; the upload URL is a secret and never shown."""

    n: int
    state: PublicationState
    publish_id: str | None
    size: int
    chunk_size: int
    chunk_count: int
    sent_bytes: int
    last_status: str | None
    intent_at: Moment
    committing_at: Moment | None


class PostWaiting(Answer):
    """Why a post does not go on right now. `reason` is a word: `turn`, `publish_at`, `limit`, `media`, `earlier_pull`,
    `tiktok`, `creator`, `proof`, `held`, TikTok's own code, or that of what failed. `until` is when it goes on, at the
    earliest; null: now, or nobody can say.
    """

    reason: str
    detail: str
    until: Moment | None


class PostDetail(PostAnswer):
    """`waiting` is null while somebody works on it, and once it has come to rest."""

    waiting: PostWaiting | None
    publications: tuple[PublicationAnswer, ...]


class BatchAnswer(Answer):
    """The posts of one request with `account_ids`, in the order of the accounts."""

    batch_id: str
    posts: tuple[PostAnswer, ...]


class CreatorSettings(Answer):
    """What a creator may post right now, as TikTok says; to be shown to whoever posts."""

    creator_username: str
    creator_nickname: str
    creator_avatar_url: str
    privacy_level_options: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_post_duration_sec: int | None


class AccountCreator(CreatorSettings):
    """The settings of the creator of account `id`."""

    id: str


class AccountVerdict(Answer):
    """Of one account: its creator's settings (none for drafts: TikTok asks in the app), or why TikTok says no."""

    account_id: str
    creator: CreatorSettings | None
    problem: dict[str, Any] | None


class Warned(Answer):
    """What TikTok takes and its viewers may not like, or takes and does not use: `field` of the request, and what would
    be better."""

    field: str
    code: str
    detail: str
    found: str
    remedy: str


class Verdict(Answer):
    """A post request that would be accepted; `valid` when every creator's settings let it out now, too. `warnings` keep
    nothing from going out."""

    valid: bool
    accounts: tuple[AccountVerdict, ...]
    warnings: tuple[Warned, ...]


class TimelineQuery(Ask):
    """`cursor` is the `next_cursor` of the page before; the oldest come first."""

    cursor: Annotated[int, Field(ge=0, le=2**63 - 1), Digits] = 0
    limit: Annotated[int, Field(ge=1, le=500), Digits] = 200


class Reschedule(Ask):
    """Another time. What is left out stays as it is; null takes it away, and without `publish_at` it goes out now."""

    publish_at: When | None = None
    publish_before: When | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None


class Resolve(Ask):
    """What a person found of a post that nobody could confirm. `post_id` is TikTok's public id, if it is known."""

    outcome: Literal["published", "not_published"]
    post_id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None = None


class TimelineEntry(Answer):
    at: Moment
    kind: str
    detail: dict[str, Any]
