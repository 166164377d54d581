"""From an accepted request to posts: one per account, with the events that say so."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.model.account import Account, AccountState, how_to_reconnect
from libs.model.change import post_event
from libs.model.event import Event, EventType, stamp
from libs.model.ids import is_id, new_id
from libs.model.post import Post, PostState
from libs.model.post_request import PostRequest, Privacy
from libs.model.post_rule import passed
from libs.model.problem import FieldError, Problem, invalid

SCOPE = {"direct": "video.publish", "inbox": "video.upload"}
"""Fact sheet 3: which scope each mode needs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to insert for one request."""

    posts: tuple[Post, ...]
    events: tuple[Event, ...]
    request_hash: bytes


def plan(
    request: PostRequest,
    *,
    customer_id: str,
    key: str,
    accounts: Mapping[str, Account],
    media: Collection[str],
    coming: Collection[str] = (),
    fit: Collection[str] = (),
    flaws: Sequence[FieldError] = (),
    audited: bool,
    now: datetime,
) -> Plan | Problem:
    """Posts for every account of the request, or what is wrong with it.

    `accounts` are the customer's own among those named, `media` its own among the ids named, and `coming` those that
    are not here yet; of the media, `fit` may go out as they are, and `flaws` is what forbids any of them.
    """
    errors = refusals(request, accounts=accounts, media=media, coming=coming, flaws=flaws, audited=audited, now=now)
    if errors:
        return invalid(errors)
    batch_id = new_id("bat", now) if request.account_ids is not None else None
    posts = tuple(
        _post(request, account_id, customer_id=customer_id, key=key, batch_id=batch_id, fit=fit, now=now)
        for account_id in request.accounts
    )
    events = tuple(told for post in posts for told in _events(post, now=now))
    return Plan(posts, events, request.content_hash())


def refusals(
    request: PostRequest,
    *,
    accounts: Mapping[str, Account],
    media: Collection[str],
    coming: Collection[str] = (),
    flaws: Sequence[FieldError] = (),
    audited: bool,
    now: datetime,
) -> list[FieldError]:
    """What forbids a request whose body is right, in the words of `plan`."""
    errors = [*_account_errors(request, accounts), *_media_errors(request, media, coming), *flaws]
    if not audited and request.mode == "direct" and request.privacy_level not in (None, Privacy.SELF_ONLY):
        errors.append(
            FieldError(
                "privacy_level",
                "app_not_audited",
                "TikTok lets an app that has not passed its audit post privately only; that is its rule, not a fault.",
                limit=Privacy.SELF_ONLY,
                found=str(request.privacy_level),
                remedy="Send SELF_ONLY, or pass TikTok's audit and set TIKTOK_AUDITED=true.",
            )
        )
    if request.publish_before is not None and request.publish_before <= now and not request.draft:
        errors.append(passed(request.publish_before, now=now))
    return errors


def _post(
    request: PostRequest,
    account_id: str,
    *,
    customer_id: str,
    key: str,
    batch_id: str | None,
    fit: Collection[str],
    now: datetime,
) -> Post:
    # Else they are made ready first.
    here = request.cover is None and all(source in fit for source in request.media)
    media_id = request.media[0] if here else None
    later = request.publish_at is not None and request.publish_at > now
    state = PostState.DRAFT if request.draft else (PostState.SCHEDULED if later else PostState.QUEUED)
    in_lane = state in (PostState.QUEUED, PostState.SCHEDULED) and media_id is not None
    alarm = None if request.draft else (request.publish_at if later and media_id else now)
    content = request.model_dump(mode="json", exclude={"account_ids", "idempotency_key"}) | {"account_id": account_id}
    return Post(
        id=new_id("post", now),
        customer_id=customer_id,
        account_id=account_id,
        batch_id=batch_id,
        idempotency_key=key,
        request=content,
        state=state,
        version=1,
        alarm=alarm,
        in_lane=in_lane,
        created_at=now,
        updated_at=now,
        media_id=media_id,
        photos=request.media if here and request.kind == "photo" else (),
        publish_at=request.publish_at,
        publish_before=request.publish_before,
    )


def _events(post: Post, *, now: datetime) -> list[Event]:
    more = {"idempotency_key": post.chosen_key}
    told = [post_event(EventType.POST_ACCEPTED, post, key="accepted", now=now, more=more)]
    if post.state is PostState.SCHEDULED and post.publish_at:
        at = {"publish_at": stamp(post.publish_at)}
        told.append(post_event(EventType.POST_SCHEDULED, post, key="scheduled:1", now=now, more=at))
    return told


def _account_errors(request: PostRequest, accounts: Mapping[str, Account]) -> list[FieldError]:
    many = request.account_ids is not None
    errors = []
    for place, account_id in enumerate(request.accounts):
        field = f"account_ids.{place}" if many else "account_id"
        account = accounts.get(account_id)
        if account is None:
            errors.append(FieldError(field, "unknown_account", "This customer has no such account.",
                                     found=account_id[:64], remedy="List the accounts, or connect it."))  # fmt: skip
        elif account.state is not AccountState.CONNECTED:
            errors.append(FieldError(field, "account_not_connected", f"The account is {account.state}.",
                                     found=account_id, remedy=how_to_reconnect(account_id)))  # fmt: skip
        elif SCOPE[request.mode] not in account.scopes:
            detail = f"Missing required TikTok permissions: {SCOPE[request.mode]}."
            errors.append(FieldError(field, "missing_scope", detail, limit=SCOPE[request.mode], found=account_id,
                                     remedy=f"{how_to_reconnect(account_id)} All permissions are needed."))  # fmt: skip
    return errors


def _media_errors(request: PostRequest, media: Collection[str], coming: Collection[str]) -> Iterator[FieldError]:
    named = [(f"media.{place}", source) for place, source in enumerate(request.media)]
    named += [("cover", request.cover)] if request.cover else []
    for field, source in named:
        if source in coming:
            yield FieldError(field, "media_not_ready", "The file is not here yet, or failed to come.", found=source,
                             remedy="Wait for media.ready, or look at GET /v1/media/{id}.")  # fmt: skip
        elif is_id(source, "med") and source not in media:
            yield FieldError(field, "unknown_media", "This customer has no such media.", found=source,
                             remedy="Upload the file first and send the id you get.")  # fmt: skip
