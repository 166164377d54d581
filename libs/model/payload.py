"""What each type of event carries: the contract customers build on, and every event is checked against it when made.

Fields may be added; a reader passes over those it does not know. What is here is there in every event of its type, and
`make check` refuses to take it away (deploy/contracts.py).
"""

from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, create_model

from libs.model.contract import Data
from libs.model.event_type import EventType
from libs.model.forwarded import Forwarded, ForwardedDownload, ForwardedShare
from libs.model.payload_stats import AccountStats, PostStats

DIALECT = "https://json-schema.org/draft/2020-12/schema"


Time = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
"""As `libs.model.event.stamp` writes it."""


class BadEvent(ValueError):
    """An event that breaks its contract: a fault of ours. Says which fields, never their values."""


class FieldErrorData(Data):
    field: str
    code: str
    detail: str


class ProblemData(Data):
    """What went wrong, as in the API's problem+json; `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
    remedy: str | None = None
    errors: list[FieldErrorData] = Field(default_factory=list)
    upstream: dict[str, Any] = Field(default_factory=dict, description="TikTok's own words")


class Post(Data):
    """A post as it was right after what happened."""

    post_id: str
    customer_id: str
    account_id: str
    batch_id: str | None
    state: str
    kind: str | None
    mode: str | None
    tiktok_post_ids: list[str] = Field(description="public ids, as strings: they have 64 bits")
    metadata: dict[str, Any] = Field(description="as the request gave it")


class PostAccepted(Post):
    idempotency_key: str | None = Field(description="null when the request came without one")


class PostRejected(Data):
    """A job from RabbitMQ that can never become a post."""

    message_id: str | None
    problem: ProblemData


class PostScheduled(Post):
    publish_at: Time


class PostSending(Post):
    publish_id: str | None
    size: int | None = None


class PostProcessing(Post):
    publish_id: str | None
    tiktok_status: str | None


class PostRetrying(Post):
    reason: str
    next_attempt_at: Time
    attempt: int
    detail: str | None = None


class PostInInbox(Post):
    publish_id: str | None


class PostPublished(Post):
    """`completion` counts: the creator may publish one draft several times."""

    publish_id: str | None
    source: str = Field(description="webhook, poll, video_list or person: who told us")
    tiktok_create_time: int | None
    completion: int


class PostPublic(Post):
    """What a public id's coming and going carries."""

    publish_id: str | None
    source: str
    tiktok_create_time: int | None
    tiktok_post_id: str


class PostFailed(Post):
    stage: str
    problem: ProblemData


class PostUnconfirmed(Post):
    publish_id: str | None
    remedy: str


class BatchCompleted(Data):
    batch_id: str
    total: int
    states: dict[str, int] = Field(description="how many posts ended in which state")


class Account(Data):
    account_id: str
    customer_id: str
    open_id: str
    state: str
    scopes: list[str]
    missing_scopes: list[str] = Field(default=[])
    """What the creator was asked for and left switched off."""
    username: str | None
    display_name: str | None
    reason: str | None
    group_id: str | None = None
    reconnect: str | None = Field(
        default=None, description="what to POST for a link by which its creator connects it again, when that is needed"
    )
    at_tiktok: str | None = None
    """Of one disconnected by request, what became of the grant: revoked, already_over, shared, left."""


class MediaReady(Data):
    media_id: str
    size: int
    sha256: str
    post_id: str | None = None
    made_from: str | None = Field(default=None, description="the file that conversion made this one from")
    changes: list[str] = Field(default_factory=list, description="what conversion made different")


class MediaFailed(Data):
    problem: ProblemData
    media_id: str | None = None
    post_id: str | None = None


class EndpointNews(Data):
    """An endpoint that fares ill, was switched off, or is well again."""

    endpoint_id: str
    url: str
    """Without its query, which may hold a token."""
    reason: str | None = None


class EndpointFailing(EndpointNews):
    """No try succeeded for `percent` of the time after which the endpoint is disabled, at `disabled_at`."""

    failing_since: Time
    percent: int
    disabled_at: Time
    last_failure: str


class EndpointDisabled(EndpointNews):
    """Events are kept. `comes_back_by_itself`: it is probed, and the first success enables it again."""

    comes_back_by_itself: bool


class EndpointRecovered(EndpointNews):
    """It answers well again; what was kept for it goes out."""

    failing_since: Time
    was_disabled: bool


class WebhookTest(Data):
    endpoint_id: str
    message: str


PAYLOADS: Final[dict[EventType, type[Data]]] = {
    EventType.POST_ACCEPTED: PostAccepted,
    EventType.POST_REJECTED: PostRejected,
    EventType.POST_SCHEDULED: PostScheduled,
    EventType.POST_UPLOADING: PostSending,
    EventType.POST_UPLOADED: PostSending,
    EventType.POST_PROCESSING: PostProcessing,
    EventType.POST_RETRYING: PostRetrying,
    EventType.POST_IN_INBOX: PostInInbox,
    EventType.POST_PUBLISHED: PostPublished,
    EventType.POST_PUBLICLY_AVAILABLE: PostPublic,
    EventType.POST_NO_LONGER_AVAILABLE: PostPublic,
    EventType.POST_FAILED: PostFailed,
    EventType.POST_CANCELLED: Post,
    EventType.POST_UNCONFIRMED: PostUnconfirmed,
    EventType.BATCH_COMPLETED: BatchCompleted,
    EventType.ACCOUNT_CONNECTED: Account,
    EventType.ACCOUNT_DISCONNECTED: Account,
    EventType.ACCOUNT_REAUTHORIZATION_REQUIRED: Account,
    EventType.ACCOUNT_STATS: AccountStats,
    EventType.POST_STATS: PostStats,
    EventType.MEDIA_READY: MediaReady,
    EventType.MEDIA_FAILED: MediaFailed,
    EventType.ENDPOINT_FAILING: EndpointFailing,
    EventType.ENDPOINT_DISABLED: EndpointDisabled,
    EventType.ENDPOINT_RECOVERED: EndpointRecovered,
    EventType.VIDEO_PUBLISH_COMPLETED: ForwardedShare,
    EventType.VIDEO_UPLOAD_FAILED: ForwardedShare,
    EventType.PORTABILITY_DOWNLOAD_READY: ForwardedDownload,
    EventType.TIKTOK_UNRECOGNIZED: Forwarded,
    EventType.WEBHOOK_TEST: WebhookTest,
}


def check(type_: EventType, body: bytes) -> None:
    """Raises `BadEvent` unless the body is what customers were promised for this type."""
    try:
        _bodies()[type_].validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        if wrong[0]["type"] == "json_invalid":
            return  # it is JSON, we wrote it: what a customer or TikTok put into it is nested deeper than this reads
        places = [".".join(str(part) for part in each["loc"])[:80] for each in wrong[:10]]
        raise BadEvent(f"{type_} breaks its contract at {', '.join(places)}") from None


def json_schema(type_: EventType, *, refs: str = "#/$defs/{model}") -> dict[str, Any]:
    """The JSON Schema of the whole body; `refs` says where the schemas it refers to will be."""
    schema = _bodies()[type_].json_schema(ref_template=refs)
    return {"$schema": DIALECT, "$id": f"urn:clipwire:event:{type_}", **schema}


@cache
def _bodies() -> dict[EventType, TypeAdapter[Any]]:
    """Compiled once."""
    return {type_: TypeAdapter(_body(type_, data)) for type_, data in PAYLOADS.items()}


def _body(type_: EventType, data: type[Data]) -> type[Data]:
    fields: dict[str, Any] = {
        "id": (
            Annotated[str, Field(pattern=r"^evt_[0-9a-hjkmnp-tv-z]{26}$", description="the same on every try")],
            ...,
        ),
        "type": (Literal[str(type_)], ...),
        "timestamp": (Annotated[AwareDatetime, Field(strict=False, description="when it happened")], ...),
        "data": (data, ...),
    }
    return create_model(str(type_), __base__=Data, __doc__=data.__doc__, **fields)
