"""What TikTok's webhooks say: `parse` reads the raw body, twice where TikTok encodes twice (6.1, 6.3).

Pure, and a hot path. The caller has verified the signature and bounded the body (1 MiB); everything else is judged
here, so that what comes out can be stored: no NUL, no lone surrogate, no number beyond int64, nothing deep.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from libs.tiktok.events import SPELLINGS, Event

MAX_TEXT = 1024
"""Longest text field taken, in characters. TikTok's own are under 100; the room is for the free text of a `reason`."""
MAX_DEPTH = 32
MAX_KEY_BYTES = 1024
"""Longest semantic key, so that it always fits a Postgres index entry; a longer one is replaced by its hash."""

_INT64 = 2**63
_MILLISECONDS_FROM = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973: nothing real lies between
_LAST_SECOND = 253_402_300_799  # the end of the year 9999, the last that Python and Postgres both can show
_DIRECT = frozenset({"DIRECT_PUBLISH", "DIRECT_POST"})  # the second is seen in other clients only

# What a known event must carry to be about something; without it, it could only be matched with the wrong thing.
_SUBJECT: dict[Event, str] = {event: "publish_id" for event in Event if event.is_post} | {
    Event.AUTHORIZATION_REMOVED: "user_openid",
    Event.VIDEO_UPLOAD_FAILED: "share_id",
    Event.VIDEO_PUBLISH_COMPLETED: "share_id",
    Event.PORTABILITY_DOWNLOAD_READY: "request_id",
}


class Notification(NamedTuple):
    """One webhook. Texts are "" when TikTok sent none; ids are text even where TikTok sends numbers.

    A tuple, because a frozen dataclass of so many fields takes four times as long to make.
    """

    client_key: str
    event: str
    """The canonical name, an `Event` value when `known`; any other as sent, because TikTok may add one tomorrow."""
    raw_event: str
    known: bool
    create_time: int
    """Unix seconds."""
    create_time_raw: int
    """As sent; the portal's test event sends milliseconds."""
    user_openid: str
    publish_id: str
    publish_type: str
    post_id: str
    share_id: str
    request_id: str
    reason: str
    """A fail_reason, a `Removal` number as text, or the ping's text."""
    content: dict[str, Any]
    """The inner JSON object; {} for an unknown event whose content is none."""


@dataclass(frozen=True, slots=True)
class NotAnEnvelope:
    """The body is not what 6.1 describes. The reason is one of a small fixed set, fit for a metric's label."""

    reason: str


class _Flaw(Exception):
    """Carries the reason from where it is found to `parse`; never leaves this module."""


def parse(body: bytes) -> Notification | NotAnEnvelope:
    """Read a webhook's body. Never raises. With a key given twice the last one counts, as in TikTok's own JSON."""
    try:
        envelope = orjson.loads(body)  # refuses bad UTF-8, lone surrogates, NaN, infinity and depth beyond 1024
    except orjson.JSONDecodeError:
        return NotAnEnvelope("body is not JSON")
    if type(envelope) is not dict:
        return NotAnEnvelope("body is not an object")
    try:
        return _read(envelope)
    except _Flaw as flaw:
        return NotAnEnvelope(str(flaw))


def semantic_key(notification: Notification) -> str | None:
    """What makes two differently written bodies one event (6.4); None for an unknown event: only its body is its key.

    A direct post completes once, so its `complete` is keyed without a time; a draft may complete again and again.
    """
    n = notification
    if not n.known:
        return None
    once = n.event == Event.POST_COMPLETE and n.publish_type in _DIRECT
    time = "" if once else str(n.create_time)
    parts = (n.event, n.client_key, n.user_openid, n.publish_id, n.post_id, n.share_id, n.request_id, n.reason, time)
    key = "|".join(parts)
    if "%" in key or key.count("|") != len(parts) - 1:  # a bar inside a part must not pass for one between parts
        key = "|".join([part.replace("%", "%25").replace("|", "%7C") for part in parts])
    octets = key.encode()
    return key if len(octets) <= MAX_KEY_BYTES else "sha256:" + hashlib.sha256(octets).hexdigest()


def _read(envelope: dict[str, Any]) -> Notification:
    raw_event = _text(envelope, "event")
    if not raw_event:
        raise _Flaw("event is missing")
    client_key = _text(envelope, "client_key")
    if not client_key:
        raise _Flaw("client_key is missing")
    known = SPELLINGS.get(raw_event)
    content = _content(envelope.get("content"), required=known is not None)
    create_time_raw, create_time = _time(envelope.get("create_time"))
    notification = Notification(
        client_key=client_key,
        event=raw_event if known is None else known.value,
        raw_event=raw_event,
        known=known is not None,
        create_time=create_time,
        create_time_raw=create_time_raw,
        user_openid=_text(envelope, "user_openid"),
        publish_id=_field(content, "publish_id", lax=known is None),
        publish_type=_field(content, "publish_type", lax=known is None),
        post_id=_field(content, "post_id", lax=known is None),
        share_id=_field(content, "share_id", lax=known is None),
        request_id=_field(content, "request_id", lax=known is None),
        reason=_field(content, "reason", lax=known is None),
        content=content,
    )
    if known is not None:
        subject = _SUBJECT.get(known)
        if subject is not None and not getattr(notification, subject):
            raise _Flaw(f"{subject} is missing")
    return notification


def _text(envelope: dict[str, Any], name: str) -> str:
    value = envelope.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise _Flaw(f"{name} is not text")
    if "\0" in value:
        raise _Flaw("NUL in text")
    if len(value) > MAX_TEXT:
        raise _Flaw(f"{name} is too long")
    return value


def _field(content: dict[str, Any], name: str, *, lax: bool) -> str:
    """A field of a content already found storable. In an unknown event (`lax`) a name may mean anything."""
    value = content.get(name)
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    if type(value) is str and len(value) <= MAX_TEXT:
        return value
    if lax:
        return ""
    raise _Flaw(f"{name} is too long" if type(value) is str else f"{name} is not text")


def _time(value: object) -> tuple[int, int]:
    if type(value) is not int:
        raise _Flaw("create_time is missing" if value is None else "create_time is not an integer")
    seconds = value // 1000 if value >= _MILLISECONDS_FROM else value
    if not 0 <= seconds <= _LAST_SECOND:
        raise _Flaw("create_time is out of range")
    return value, seconds


def _content(value: object, *, required: bool) -> dict[str, Any]:
    """The inner object. A known event without one says nothing we could act on; an unknown one may be of any kind."""
    try:
        content = orjson.loads(value) if type(value) is str else None
    except orjson.JSONDecodeError:
        content = None
    if type(content) is not dict:
        if required:
            raise _Flaw("content is missing" if value is None else "content is not a JSON object in text")
        return {}
    _check_storable(content)
    return content


def _check_storable(content: dict[str, Any]) -> None:
    """Walks without recursion, so depth costs nothing but a refusal."""
    level: list[Any] = [content]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                deeper += node
                deeper += node.values()
            elif kind is list:
                deeper += node
            elif kind is str:
                if "\0" in node:
                    raise _Flaw("NUL in text")
            elif kind is int:
                if not -_INT64 <= node < _INT64:
                    raise _Flaw("a number beyond int64")
            # Past 64 bits orjson returns integers as floats, no longer the number that was sent.
            elif kind is float and not -_INT64 < node < _INT64:
                raise _Flaw("a number beyond int64")
        if not deeper:
            return
        level = deeper
    raise _Flaw("content is too deep")
