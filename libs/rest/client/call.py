"""One call from its first try to its answer, without I/O: it says what to send, is told what came, and decides.

A `Script` is a generator of `Try`s that is sent what became of each; whoever runs it (`blocking`, `concurrent`) waits
and sends, nothing else. So sync and async clients cannot differ in what they decide.
"""

import uuid
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from libs.rest.client.errors import ClipwireError, Refused, TimedOut, Unreachable, Unreadable
from libs.rest.client.request import Content, Request
from libs.rest.client.retry import Budget, Retries, again, retry_after_s
from libs.rest.posts import AUTOMATIC
from libs.rest.problem import CONTENT_TYPE, ProblemAnswer

T = TypeVar("T")

TIMEOUT_S: Final = 60.0
UPLOAD_S: Final = 6 * 3600.0
"""As long as the server reads one."""
SILENCE_S: Final = 30.0
UPLOAD_SILENCE_S: Final = 300.0
"""After the last byte the server looks into the file before it answers."""
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Try:
    """Wait `after_s`, then send. It has `timeout_s` in all, and `silence_s` without any byte moving."""

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes | Content | None
    after_s: float
    timeout_s: float
    silence_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer. `sent`: the request, or some of it, was on its way. `late`: it was time that ran out."""

    why: str
    sent: bool
    late: bool = False


Heard = Answered | Lost
Script = Generator[Try, Heard, T]


@dataclass(frozen=True, slots=True)
class Options:
    """How calls are made. `timeout` is for all tries together; None: a minute, six hours for an upload."""

    timeout: float | None = None
    retries: Retries = field(default_factory=Retries)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What calls need besides: `clock` is monotonic, in seconds."""

    options: Options
    budget: Budget
    clock: Callable[[], float]


def call(request: Request[T], means: Means, *, after_s: float = 0.0, timeout: float | None = None) -> Script[T]:
    """The answer to the request, tried again as `means.options` allow; raises `ClipwireError`.

    Every write goes under an Idempotency-Key, the same one on every try: whatever became of the first, there is one
    effect. `after_s` waits before the first try and counts, as everything does, into the time there is.
    """
    options, clock = means.options, means.clock
    asked = timeout if timeout is not None else options.timeout
    deadline = clock() + (asked if asked is not None else UPLOAD_S if request.content else TIMEOUT_S)
    headers, content = _headers(request, options), request.content or request.encoded()
    silence_s = UPLOAD_SILENCE_S if request.content else SILENCE_S
    means.budget.earn()
    tried, heard = 0, None
    while True:
        left = deadline - clock() - after_s
        if left <= 0:
            raise _out_of_time(request, heard)
        step = Try(request.method, request.target, headers, content, after_s, left, min(left, silence_s))
        heard = yield step
        tried += 1
        failure = _failure(heard, request)
        if failure is None:
            return _read(heard, request)
        wait_s = options.retries.wait_s(tried, _asked_s(heard))
        if not _passing(heard, failure) or tried >= options.retries.tries or wait_s >= deadline - clock():
            raise failure
        if not means.budget.spend():
            raise failure
        after_s = wait_s


def _headers(request: Request[Any], options: Options) -> dict[str, str]:
    headers = {"Accept": f"application/json, {CONTENT_TYPE}"}
    if request.content is not None:
        headers |= {"Content-Type": request.content.type, "Content-Length": str(request.content.size)}
    elif request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.writes:
        named = (request.body or {}).get("idempotency_key")  # a post request has a place of its own for it
        headers[IDEMPOTENCY_KEY] = named or options.idempotency_key or f"{AUTOMATIC}{uuid.uuid4()}"
    return headers


def _failure(heard: Heard, request: Request[Any]) -> ClipwireError | None:
    match heard:
        case Lost(why, sent, True):
            return TimedOut(f"{request.method} {request.path}: {why}", may_have_worked=sent and request.writes)
        case Lost(why, sent):
            return Unreachable(f"{request.method} {request.path}: {why}", may_have_worked=sent and request.writes)
        case Answered(status) if 200 <= status < 300:
            return None
        case Answered():
            problem = _problem(heard)
            return _not_ours(heard, request) if problem is None else Refused(problem)


def _passing(heard: Heard, failure: ClipwireError) -> bool:
    if isinstance(heard, Lost):
        return True
    if isinstance(failure, Refused):
        return again(heard.status, code=failure.problem.code, retryable=failure.problem.retryable)
    return again(heard.status, code=None, retryable=None)


def _asked_s(heard: Heard) -> float | None:
    return retry_after_s(heard.headers) if isinstance(heard, Answered) else None


def _problem(heard: Answered) -> ProblemAnswer | None:
    if heard.headers.get("content-type", "").partition(";")[0].strip() != CONTENT_TYPE:
        return None
    try:
        return ProblemAnswer.model_validate_json(heard.body)
    except ValidationError:
        return None


def _read(heard: Heard, request: Request[T]) -> T:
    if not isinstance(heard, Answered):
        raise TypeError("only an answer can be read")
    try:
        answer: T = _reader(cast(Hashable, request.answer)).validate_json(heard.body)
    except ValidationError:
        raise _not_ours(heard, request) from None  # pydantic would quote the answer, which may hold a secret
    return answer


@cache
def _reader(answer: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, answer))


def _not_ours(heard: Answered, request: Request[Any]) -> Unreadable:
    said = f"HTTP {heard.status}, {heard.headers.get('content-type', 'no content type')[:80]}"
    detail = f"{request.method} {request.path}: {said}: this is not an answer of the Clipwire API this client knows"
    return Unreadable(detail, status=heard.status)


def _out_of_time(request: Request[Any], heard: Heard | None) -> TimedOut:
    sent = request.writes and heard is not None and not (isinstance(heard, Lost) and not heard.sent)
    return TimedOut(f"{request.method} {request.path}: the time given is over", may_have_worked=sent)
