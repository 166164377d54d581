"""One request as its handler sees it: its key, its body, its query, and how it is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel

from libs.broker.port import Broker
from libs.egress import Refusal as EgressRefusal
from libs.media.judge import Judge, judging
from libs.media.port import MediaStorage
from libs.media.workers import Workers
from libs.model.ids import Prefix, is_id, new_id
from libs.model.key import Key, Reach
from libs.model.problem import FieldError, Refusal, invalid, not_found
from libs.runtime.clock import Clock
from libs.store.store import Store
from services.api.audit import OWNER
from services.api.body import field_error, parsed, read_object
from services.api.once import Births
from services.api.settings import ApiSettings
from services.api.tiktok import TikTok

M = TypeVar("M", bound=BaseModel)

_NOUNS: Final[dict[Prefix, str]] = {
    "cus": "customer", "acc": "account", "med": "media", "post": "post", "evt": "event", "end": "endpoint",
    "dlv": "delivery", "key": "key", "app": "app", "grp": "group", "aud": "audit entry", "con": "consumer",
    "rpl": "replay", "att": "attempt", "bat": "batch", "agt": "agent",
}  # fmt: skip


class UrlCheck(Protocol):
    """What the api asks of egress."""

    def refusal(self, url: str) -> EgressRefusal | None:
        """What forbids a URL by itself, without a look at DNS."""

    async def check(self, url: str) -> EgressRefusal | None:
        """Whether a URL may be registered: None means yes, for now."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What handlers work with; one per program."""

    settings: ApiSettings
    store: Store
    broker: Broker
    storage: MediaStorage
    workers: Workers
    egress: UrlCheck
    clock: Clock
    tiktok: TikTok
    base_url: Callable[[], str]
    """Where we are reached: PUBLIC_URL, else this machine, where it is known once the server listens."""

    @property
    def judge(self) -> Judge:
        """What is asked of a request's media before it is accepted."""
        return judging(self.egress.refusal)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request whose key opens the route."""

    request: web.Request
    desk: Desk
    key: Key
    now: datetime
    reach: Reach
    """Which accounts this call may be about."""
    births: Births | None = None
    """Where ids come from under an Idempotency-Key."""

    @property
    def sees(self) -> str | None:
        """The one customer whose rows this key may see, for the store to filter by; None: an operator's, every row."""
        return self.key.customer_id

    def id(self, prefix: Prefix) -> str:
        """The id in the path. What has not even the form of one does not exist: raises `Refusal` 404."""
        given = self.request.match_info["id"]
        if not is_id(given, prefix):
            raise self.missing(prefix)
        return given

    def new_id(self, prefix: Prefix) -> str:
        """The id of something new; the same again when a request is done anew under its Idempotency-Key."""
        return self.births.next(prefix) if self.births is not None else new_id(prefix, self.now)

    def missing(self, prefix: Prefix) -> Refusal:
        """404, the same for what does not exist and for what is another customer's."""
        return Refusal(not_found(_NOUNS[prefix], tame(self.request.match_info["id"])))

    def query(self, model: type[M]) -> M:
        """The query string as `model`; unknown and repeated parameters are refused."""
        given = self.request.query
        if twice := [name for name in given if len(given.getall(name)) > 1]:
            names = list(dict.fromkeys(twice))
            raise Refusal(invalid([FieldError(tame(name), "repeated", "This is given twice.") for name in names]))
        return parsed(model, {tame(name): value for name, value in given.items()})

    async def body(self, model: type[M], *, optional: bool = False) -> M:
        """The JSON body as `model`; with `optional`, no body at all is one without fields."""
        return parsed(model, await read_object(self.request, optional=optional))

    async def nothing(self) -> None:
        """For actions, which take no fields: no body, or an empty object."""
        if fields := await read_object(self.request, optional=True):
            unknown = [field_error({"type": "extra_forbidden", "loc": (name,)}) for name in list(fields)[:10]]
            raise Refusal(invalid(unknown))

    def scope(self, named: str | None) -> str | None:
        """Whose rows a list shows: the key's customer, or the one an operator named. Raises for anybody else's."""
        if self.sees is not None and named not in (None, self.sees):
            raise Refusal(invalid([_unknown_customer()]))
        return self.sees or named

    async def owner(self, named: str | None) -> str:
        """Whose a new thing will be: the key's customer, or the existing one an operator names. Raises `Refusal`."""
        owner = self.scope(named)
        if owner is None:
            detail = "An operator key has to say whose this is."
            raise Refusal(invalid([FieldError("customer_id", "required", detail, remedy="Add customer_id.")]))
        if self.sees is None and await self.desk.store.customers.get(owner) is None:
            raise Refusal(invalid([_unknown_customer()]))
        self.request[OWNER] = owner
        return owner

    async def ring(self, *bells: str) -> None:
        """Wakes whoever will act on what was just committed."""
        for bell in bells:
            await self.desk.broker.ring(bell)


def reply(answer: BaseModel, *, status: int = 200, location: str | None = None) -> web.Response:
    """An answer as JSON; `location` is the path of what was made."""
    headers = {"Location": location} if location else None
    body = answer.model_dump_json().encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def tame(text: str) -> str:
    """Text of a request line or header, short and encodable, to be shown back: those may hold stray bytes."""
    return text[:80].encode("utf-8", "replace").decode()


def _unknown_customer() -> FieldError:
    return FieldError("customer_id", "unknown_customer", "There is no such customer that this key may see.",
                      remedy="Leave customer_id out, or list the customers.")  # fmt: skip
