"""One job as it came from RabbitMQ: readable or wrong, and what is said of a wrong one. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from libs.broker.message import Message
from libs.model.ids import is_id
from libs.model.post_parse import Reading, read
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem
from libs.model.veil import veil

BODY_MAX: Final = 1024 * 1024
REASON_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """A readable job: whose it is, under which key, and what it asks for."""

    customer_id: str
    key: str
    request: PostRequest


@dataclass(frozen=True, slots=True)
class Wrong:
    """A job that is refused whatever the store says; whose it is, if it says so."""

    customer_id: str | None
    reading: Reading


def storable_id(message: Message) -> str | None:
    """Its message id. One with a NUL is none: Postgres cannot hold it, and its job would come round for ever."""
    return None if message.message_id is None or "\0" in message.message_id else message.message_id


def reason_of(problem: Problem) -> str:
    """What a dead letter says of itself: the code, and what is wrong with each field. Without anything that was found:
    that may be a secret."""
    said = [f"{error.field}: {error.detail}" if error.field else error.detail for error in problem.errors]
    return veil(f"{problem.code}: {' '.join(said) or problem.detail}")[:REASON_MAX]


def read_job(body: bytes, *, message_id: str | None) -> Job | Wrong:
    """Reads a job's body. Never raises: what is wrong comes back naming each wrong field."""
    if len(body) > BODY_MAX:
        return _unread(FieldError("", "too_large", "The body is too large.", limit=BODY_MAX, found=len(body),
                                  remedy="Send media by id or URL, not inline."))  # fmt: skip
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _unread(
            FieldError("", "not_json", f"The body is not JSON: {error.msg}.", remedy="Send one JSON object.")
        )
    if not isinstance(decoded, dict):
        return _unread(FieldError("", "not_an_object", "The body must be one JSON object.", remedy="Send an object."))
    rest: dict[str, Any] = dict(decoded)
    customer_id = rest.pop("customer_id", None)
    named = customer_id if isinstance(customer_id, str) and is_id(customer_id, "cus") else None
    errors = [] if named else [_no_customer(customer_id)]
    reading = read(rest)
    given = rest.get("idempotency_key")
    if given is None and not message_id:
        errors.append(FieldError("idempotency_key", "required", "A job needs an idempotency key.",
                                 remedy="Send idempotency_key, or set an AMQP message_id without NUL."))  # fmt: skip
    key = given or message_id
    request = reading.request
    if errors or reading.errors or not key or named is None or request is None:
        return Wrong(named, Reading((*errors, *reading.errors), reading.meant))
    return Job(named, key, request)


def _unread(error: FieldError) -> Wrong:
    return Wrong(None, Reading((error,), ()))


def _no_customer(found: object) -> FieldError:
    remedy = "Send the cus_… id of the customer the post is for."
    if found is None:
        return FieldError("customer_id", "required", "A job says whose post it is.", remedy=remedy)
    return FieldError("customer_id", "bad_id", "This is not an id that begins with cus_.",
                      found=found[:64] if isinstance(found, str) else None, remedy=remedy)  # fmt: skip


def unknown_customer(found: str) -> FieldError:
    return FieldError("customer_id", "unknown_customer", "There is no such customer.", found=found,
                      remedy="Send the cus_… id of the customer the post is for.")  # fmt: skip
