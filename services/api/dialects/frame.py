"""What every dialect is made of. `socialapi` shows how it is used."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from libs.model.capability import UNSUPPORTED
from libs.model.key import Capability
from libs.model.post import Post
from libs.model.post_parse import ERRORS_MAX
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.model.veil import veil, veil_path
from libs.rest.shape import Answer, Ask
from libs.store.acceptance import Accepted
from libs.store.lists import Wanted
from services.api.audit import TOLD
from services.api.call import Call, tame
from services.api.doc.shape import Doc, Example, Upload
from services.api.idempotency import given_key
from services.api.resource import posts
from services.api.resource.capabilities import Anything
from services.api.route import Method, Route

Handle = Callable[[Call], Awaitable[web.StreamResponse]]
REST: Final = "/{rest:.*}"
"""Whatever else is asked of a dialect."""
SHOWN_MAX: Final = 300
SWITCHES: Final = ("disable_comment", "disable_duet", "disable_stitch")
"""Of a video; photos have the first."""
METHODS: Final[tuple[Method, ...]] = ("GET", "POST", "PATCH", "PUT", "DELETE")


class Adjustment(Answer):
    """Something that was decided for the caller: what came in, what is used instead, and why."""

    field: str
    code: str
    """`defaulted`, `renamed`, `moved`, `changed` or `ignored`."""
    detail: str
    sent: Any = None
    used: Any = None


@dataclass(slots=True)
class Compiled:
    """A vendor's body in our words. `errors` name the vendor's fields; while there are any, it is no request."""

    request: dict[str, Any] = field(default_factory=dict)
    adjustments: list[Adjustment] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    """Our field → where it stood in this very body, where that differs from the dialect's usual place."""

    def adjust(self, name: str, code: str, detail: str, *, sent: Any = None, used: Any = None) -> None:
        """What is shown of values is veiled and short: they are somebody's words, in whatever place."""
        if len(self.adjustments) == ERRORS_MAX:
            return
        told = Adjustment(field=veil_path(name), code=code, detail=detail, sent=_shown(sent), used=_shown(used))
        self.adjustments.append(told)

    def wrong(self, name: str, code: str, detail: str, remedy: str, **more: Any) -> None:
        if len(self.errors) < ERRORS_MAX:
            self.errors.append(FieldError(veil_path(name), code, detail, remedy=remedy, **more))

    def unknown(self, beneath: str, names: Iterable[str]) -> None:
        """Fields that the vendor's settings do not have."""
        for name in names:
            self.wrong(f"{beneath}.{name[:80]}", "unknown_field", "This field is not known.", "Remove or correct it.")

    def switch_off(self, beneath: str) -> None:
        """Whatever others could do with the post is off unless it was asked for."""
        for name in SWITCHES if self.request["kind"] == "video" else SWITCHES[:1]:
            if self.request.get(name) is None:
                self.request[name] = True
                self.adjust(f"{beneath}.{name}", "defaulted", "Off unless asked for, as TikTok wants it.", used=True)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor: how its addresses begin, and what it calls our fields when they are wrong."""

    name: str
    vendor: str
    prefix: str = "/v1"
    words: Mapping[str, str] = field(default_factory=dict)
    """Our field → theirs; what stands behind a field, as in `media.0`, stays behind it."""
    says: Callable[[Problem], Problem] = lambda problem: problem
    """What else is different about its problems."""

    @property
    def base(self) -> str:
        """What `https://api.vendor.example` becomes."""
        return f"/compat/{self.name}"

    def route(
        self,
        method: Method,
        path: str,
        capability: Capability,
        handle: Handle,
        *,
        summary: str,
        body: type[BaseModel] | Upload | None = None,
        examples: tuple[Example, ...] = (),
        query: type[Ask] = Ask,
        per_account: bool = False,
    ) -> Route:
        """A call as the vendor has it. Whatever is not a GET writes, and needs the full grant."""
        return Route(
            method,
            self.base + path,
            capability,
            self._spoken(handle),
            doc=Doc(summary=summary, answers={}, examples=examples, body=body),
            write=method != "GET",
            query=query,
            per_account=per_account,
        )

    def complete(self, *routes: Route) -> tuple[Route, ...]:
        """These calls, and an answer for every other address: what TikTok does not do is said so, never a bare 404."""
        rest = self._rest(routes)
        return (*routes, *(self._other(method, rest) for method in METHODS))

    def problem(self, problem: Problem) -> Problem:
        """A problem of ours in the vendor's words: its fields, and 400 for a request that is wrong."""
        if problem.code == "invalid_request":
            problem = replace(renamed(problem, self.words), status=400)
        return self.says(problem)

    def _spoken(self, handle: Handle) -> Handle:
        async def speak(call: Call) -> web.StreamResponse:
            try:
                return await handle(call)
            except Refusal as refusal:
                raise Refusal(self.problem(refusal.problem)) from refusal

        return speak

    def _other(self, method: Method, handle: Handle) -> Route:
        return Route(
            method,
            self.base + REST,
            Capability.POSTS,
            handle,
            doc=Doc(summary=f"Whatever else {self.vendor} has", answers={}, examples=()),
            write=method != "GET",
            query=Anything,
            per_account=True,
            own_key=True,
        )

    def _rest(self, routes: Sequence[Route]) -> Handle:
        calls = [f"{route.method} {route.path}" for route in routes]
        forms = [(route.method, _form(route.path)) for route in routes]
        refused = list(self._refused())

        async def refuse(call: Call) -> web.StreamResponse:
            path = call.request.path
            asked = f"{call.request.method} {veil(tame(path))}"
            call.request[TOLD] = {"asked": asked}
            if mine := {method for method, form in forms if form.fullmatch(path)}:
                raise web.HTTPMethodNotAllowed(call.request.method, mine)
            for form, problem in refused:
                if form.fullmatch(path):
                    raise Refusal(problem)
            raise Refusal(self._unknown(asked, calls))

        return refuse

    def _refused(self) -> Iterator[tuple[re.Pattern[str], Problem]]:
        for ability in UNSUPPORTED.values():
            for path in ability.paths:
                yield _form(f"{self.base}{self.prefix}{path}"), ability.refusal()

    def _unknown(self, asked: str, calls: Sequence[str]) -> Problem:
        return Problem(
            code="unknown_address",
            title=f"{self.vendor} is not spoken this far",
            status=404,
            detail=f"{asked} is none of the calls of {self.vendor} that are understood here.",
            remedy="Use one of calls, or our own API beneath /v1, which does more: see /docs.",
            extra={"calls": list(calls)},
        )


def renamed(problem: Problem, words: Mapping[str, str]) -> Problem:
    """An `invalid_request` whose errors name fields as `words` has them."""
    return invalid([_renamed(error, words) for error in problem.errors])


def _renamed(error: FieldError, words: Mapping[str, str]) -> FieldError:
    if error.field == "customer_id":  # which no call of theirs has
        return replace(error, remedy="Use a key of that customer: an operator's does not say whose this is.")
    known = max((ours for ours in words if f"{error.field}.".startswith(f"{ours}.")), key=len, default=None)
    return error if known is None else replace(error, field=words[known] + error.field[len(known) :])


def _shown(value: Any) -> Any:
    match value:
        case str():
            return veil(value)[:SHOWN_MAX]
        case bool() | int() | float() | None:
            return value
        case dict() if len(value) < 9 and all(isinstance(one, bool) for one in value.values()):
            return {veil(str(name))[:80]: one for name, one in value.items()}
        case _:
            return None


async def accept(call: Call, compiled: Compiled) -> tuple[PostRequest, Accepted]:
    """Takes the post request the native way. Raises `Refusal`, also for the compiler's errors."""
    if compiled.errors:
        raise Refusal(invalid(compiled.errors))
    with in_words_of(compiled):
        request = await posts.understood(call, compiled.request, named=None)
        return request, await posts.accept(call, request)


@contextmanager
def in_words_of(compiled: Compiled) -> Iterator[None]:
    """Whatever fields are refused in here, they are named by where they stood in the body."""
    try:
        yield
    except Refusal as refusal:
        if refusal.problem.code != "invalid_request":
            raise
        raise Refusal(renamed(refusal.problem, compiled.words)) from refusal


async def before(call: Call, accounts: Sequence[str]) -> Post | None:
    """What an earlier request under the same Idempotency-Key made, so that what was chosen then is chosen again."""
    key = given_key(call.request)
    if key is None:
        return None
    store = call.desk.store
    owners = {one.customer_id for one in (await store.accounts.get_many(accounts, customer_id=call.sees)).values()}
    if len(owners) != 1:
        return None
    wanted = Wanted(idempotency_key=key)
    found = await store.lists.posts(wanted, customer_id=owners.pop(), before=None, limit=1, reach=call.reach)
    return found[0] if found else None


def _form(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", path))
