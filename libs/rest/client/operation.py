"""Operations as attributes, said once: `client.posts.get(id)` here, `await client.posts.get(id)` there.

An operation takes its keyword arguments from the request's shape (`EndpointNew`), and which of the two it is from the
resource it is looked up on. Arguments are checked by name here and by value at the server, where the rules are: its
problems name field, limit and remedy.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from libs.rest.client.call import Means, Script, call
from libs.rest.client.request import Request, at
from libs.rest.shape import Page

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
A = TypeVar("A")
Writing = Literal["POST", "PATCH", "PUT"]


class Leaf(Protocol[T_co]):
    """A page, or a stretch of the feed."""

    @property
    def data(self) -> Sequence[T_co]: ...
    @property
    def next_cursor(self) -> str | None: ...


class Walk(Generic[T]):
    """A list, page by page: `more` is the next page as long as it is not `done`."""

    def __init__(self, means: Means, ask: Callable[[str | None], Request[Any]], cursor: str | None) -> None:
        self._means = means
        self._ask = ask
        self._cursor = cursor
        self.done = False

    def more(self) -> Script[Sequence[T]]:
        leaf: Leaf[T] = yield from call(self._ask(self._cursor), self._means)
        # A feed always says where to go on: its end is where that is the place one came from.
        self.done = leaf.next_cursor is None or leaf.next_cursor == self._cursor
        self._cursor = leaf.next_cursor
        return leaf.data


class Blocking(Protocol):
    """Runs scripts and returns."""

    means: Means

    def run(self, script: Script[T]) -> T: ...
    def walk(self, walk: Walk[T]) -> Iterator[T]: ...


class Concurrent(Protocol):
    """Runs scripts and is awaited."""

    means: Means

    def run(self, script: Script[T]) -> Awaitable[T]: ...
    def walk(self, walk: Walk[T]) -> AsyncIterator[T]: ...


R = TypeVar("R", bound=Blocking | Concurrent, covariant=True)


class Resource(Generic[R]):
    """The operations on one kind of thing, over a runner."""

    def __init__(self, runner: R) -> None:
        self.runner = runner


class Operation(Generic[P, T]):
    """Something to ask for, with one answer."""

    def __init__(self, script: Callable[Concatenate[Means, P], Script[T]], doc: str, shown: inspect.Signature) -> None:
        self._script = script
        self._shown = shown
        self.__doc__ = doc

    @overload
    def __get__(self, resource: Resource[Blocking], owner: Any = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: Resource[Concurrent], owner: Any = None) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, resource: None, owner: Any = None) -> "Operation[P, T]": ...
    def __get__(self, resource: Any, owner: Any = None) -> Any:
        if resource is None:
            return self

        def ask(*args: P.args, **kwargs: P.kwargs) -> Any:
            return resource.runner.run(self._script(resource.runner.means, *args, **kwargs))

        return _like(ask, self.__doc__, self._shown)


class Listing(Generic[P, T]):
    """Things to go through: pages are asked for as they are needed."""

    def __init__(self, walk: Callable[Concatenate[Means, P], Walk[T]], doc: str, shown: inspect.Signature) -> None:
        self._walk = walk
        self._shown = shown
        self.__doc__ = doc

    @overload
    def __get__(self, resource: Resource[Blocking], owner: Any = None) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, resource: Resource[Concurrent], owner: Any = None) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, resource: None, owner: Any = None) -> "Listing[P, T]": ...
    def __get__(self, resource: Any, owner: Any = None) -> Any:
        if resource is None:
            return self

        def items(*args: P.args, **kwargs: P.kwargs) -> Any:
            return resource.runner.walk(self._walk(resource.runner.means, *args, **kwargs))

        return _like(items, self.__doc__, self._shown)


def operation(build: Callable[P, Request[T]]) -> Operation[P, T]:
    """An operation from a function that builds its request."""

    def script(means: Means, /, *args: P.args, **kwargs: P.kwargs) -> Script[T]:
        return call(build(*args, **kwargs), means)

    return Operation(script, build.__doc__ or "", inspect.signature(build))


def scripted(script: Callable[Concatenate[Means, P], Script[T]]) -> Operation[P, T]:
    """An operation of several calls."""
    shown = inspect.signature(script)
    return Operation(script, script.__doc__ or "", shown.replace(parameters=list(shown.parameters.values())[1:]))


def getting(path: str, answer: type[T]) -> Operation[[str], T]:
    """One thing by its id."""

    def build(id: str, /) -> Request[T]:
        return Request("GET", at(path, id), answer)

    return operation(_told(build, f"GET {path}"))


def acting(path: str, answer: type[T]) -> Operation[[str], T]:
    """Something done to one thing, with nothing else to say."""

    def build(id: str, /) -> Request[T]:
        return Request("POST", at(path, id), answer)

    return operation(_told(build, f"POST {path}"))


def removing(path: str, answer: type[T]) -> Operation[[str], T]:
    def build(id: str, /) -> Request[T]:
        return Request("DELETE", at(path, id), answer)

    return operation(_told(build, f"DELETE {path}"))


def making(
    path: str, ask: Callable[P, A], answer: type[T], *, fixed: Mapping[str, Any] | None = None, without: str = ""
) -> Operation[P, T]:
    """Something new from the fields of `ask`; `without` is one that would mean another answer."""
    set_here = dict(fixed or {})
    fields = _without(inspect.signature(ask), {*set_here, without})

    def build(*args: P.args, **kwargs: P.kwargs) -> Request[T]:
        return Request("POST", path, answer, body=fields.bind(*args, **kwargs).arguments | set_here)

    return operation(_told(build, f"POST {path}", ask, fields))


def changing(
    path: str, ask: Callable[P, A], answer: type[T], *, method: Writing = "POST"
) -> Operation[Concatenate[str, P], T]:
    """Something done to one thing with the fields of `ask`: those that are given, null included."""
    fields = inspect.signature(ask)

    def build(id: str, /, *args: P.args, **kwargs: P.kwargs) -> Request[T]:
        return Request(method, at(path, id), answer, body=fields.bind(*args, **kwargs).arguments)

    return operation(_told(build, f"{method} {path}", ask, _after_id(fields)))


def asking(path: str, query: Callable[P, A], answer: type[T]) -> Operation[P, T]:
    """What the query asks for."""
    fields = inspect.signature(query)

    def build(*args: P.args, **kwargs: P.kwargs) -> Request[T]:
        return Request("GET", path, answer, query=fields.bind(*args, **kwargs).arguments)

    return operation(_told(build, f"GET {path}", query, fields))


def paging(path: str, query: Callable[P, A], item: type[T]) -> Operation[P, Page[T]]:
    """One page."""
    return asking(path, query, _page_of(item))


def listing(path: str, query: Callable[P, A], item: type[T], *, answer: type[Any] | None = None) -> Listing[P, T]:
    """Everything from `cursor` on; `limit` is the size of the pages. `answer` where it is no `Page`."""
    fields, leaf = inspect.signature(query), answer or _page_of(item)

    def walk(means: Means, /, *args: P.args, **kwargs: P.kwargs) -> Walk[T]:
        given = fields.bind(*args, **kwargs).arguments

        def ask(cursor: str | None) -> Request[Any]:
            return Request("GET", path, leaf, query=given | {"cursor": cursor})

        return Walk(means, ask, given.get("cursor"))

    return Listing(walk, _doc(f"GET {path}, page by page.", query), fields)


def listing_of(path: str, query: Callable[P, A], item: type[T]) -> Listing[Concatenate[str, P], T]:
    """As `listing`, of what belongs to one thing."""
    fields, leaf = inspect.signature(query), _page_of(item)

    def walk(means: Means, id: str, /, *args: P.args, **kwargs: P.kwargs) -> Walk[T]:
        given, where = fields.bind(*args, **kwargs).arguments, at(path, id)

        def ask(cursor: str | None) -> Request[Any]:
            return Request("GET", where, leaf, query=given | {"cursor": cursor})

        return Walk(means, ask, given.get("cursor"))

    return Listing(walk, _doc(f"GET {path}, page by page.", query), _after_id(fields))


def _without(signature: inspect.Signature, names: Collection[str]) -> inspect.Signature:
    return signature.replace(parameters=[one for name, one in signature.parameters.items() if name not in names])


def _page_of(item: type[T]) -> type[Page[T]]:
    return Page[item]  # type: ignore[valid-type]


def _after_id(fields: inspect.Signature) -> inspect.Signature:
    id_ = inspect.Parameter("id", inspect.Parameter.POSITIONAL_ONLY, annotation=str)
    return fields.replace(parameters=[id_, *fields.parameters.values()])


def _doc(line: str, ask: Callable[..., Any] | None) -> str:
    return f"{line}\n\n{(inspect.getdoc(ask) or '') if ask is not None else ''}".strip()


def _told(
    build: Callable[P, T], line: str, ask: Callable[..., Any] | None = None, shown: inspect.Signature | None = None
) -> Callable[P, T]:
    return _like(build, _doc(line, ask), shown)


def _like(made: Callable[P, T], doc: str | None, shown: inspect.Signature | None) -> Callable[P, T]:
    """The function as `help()` and editors are to show it."""
    made.__doc__ = doc
    if shown is not None:
        made.__signature__ = shown  # type: ignore[attr-defined]
    return made
