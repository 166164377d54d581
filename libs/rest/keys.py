"""API keys: who may do what. Denied by default."""

from typing import Annotated

from pydantic import Field

from libs.model.key import Capability, Level
from libs.rest.field import CustomerId, Future, KeyId, Moment, Name
from libs.rest.shape import Ask, Item, PageQuery


class KeysQuery(PageQuery):
    cursor: KeyId | None = None


class KeyNew(Ask):
    """Without `customer_id`, a key of whoever asks: an operator key makes an operator key."""

    customer_id: CustomerId | None = None
    name: Name
    grants: Annotated[dict[Capability, Level], Field(min_length=1)]
    expires_at: Future | None = None


class KeyAnswer(Item):
    """`customer_id` None: an operator's key, which sees every customer."""

    customer_id: str | None
    name: str
    grants: dict[str, str]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class KeyCreated(KeyAnswer):
    """`secret` is the key itself (`cw_…`). It is shown here and never again."""

    secret: str
