"""The bases of requests and answers, and pages."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from libs.rest.field import CustomerId, Digits

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

T = TypeVar("T")


class Ask(BaseModel):
    """A request: a field it does not know is refused, because ignoring it would be a silent no."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """An answer: a client passes over fields that are newer than itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Item(Answer):
    """An answer that lists hold. Ids sort by birth, so an id is also a place in a list."""

    id: str


class Page(Answer, Generic[T]):
    """One page, newest first. `next_cursor` is the `cursor` of the next page, None on the last."""

    data: tuple[T, ...]
    next_cursor: str | None = None


class PageQuery(Ask):
    """What every list takes. `customer_id` is for operator keys; other keys see their own customer's in any case."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX), Digits] = LIMIT_DEFAULT
    customer_id: CustomerId | None = None
