"""API keys: who may do what. Denied by default."""

from typing import Annotated

from pydantic import Field

from libs.model.key import Capability, Level
from libs.rest.field import NOT_NULL, AccountId, CustomerId, Future, GroupId, KeyId, Moment, Name, Whole
from libs.rest.shape import Answer, Ask, Item, PageQuery

SCOPED_MAX = 200
GRACE_MAX_S = 7 * 86400

Grants = dict[Capability, Level]
Rate = Annotated[int, Field(strict=True, ge=1, le=1_000_000), Whole]


class KeysQuery(PageQuery):
    cursor: KeyId | None = None


class ScopedGrants(Ask):
    """Grants for one account, or for the account of one group. The nearest wins: account, group, everything."""

    account_id: AccountId | None = None
    group_id: GroupId | None = None
    grants: Annotated[Grants, Field(min_length=1)]


ManyScoped = Annotated[tuple[ScopedGrants, ...], Field(max_length=SCOPED_MAX)]


class KeyNew(Ask):
    """Without `customer_id`, a key of whoever asks: an operator key makes an operator key.

    `grants` are for everything, `scoped` for single accounts; what neither names is off.
    """

    customer_id: CustomerId | None = None
    name: Name
    grants: Grants = Field(default_factory=dict)
    scoped: ManyScoped = ()
    expires_at: Future | None = None
    rate_per_minute: Rate | None = None


class KeyChange(Ask):
    """What is left out stays; `grants` and `scoped` replace all there were, from the next call on."""

    name: Annotated[Name | None, NOT_NULL] = None
    grants: Annotated[Grants | None, NOT_NULL] = None
    scoped: Annotated[ManyScoped | None, NOT_NULL] = None
    expires_at: Future | None = None
    rate_per_minute: Rate | None = None


class KeyRotate(Ask):
    """For `grace_s` seconds the former secret stays good, so that it can be replaced without a gap."""

    grace_s: Annotated[int, Field(strict=True, ge=0, le=GRACE_MAX_S), Whole] = 0


class ScopedAnswer(Answer):
    """`holds` is the account that is meant now; None for a group that is empty."""

    account_id: str | None
    group_id: str | None
    holds: str | None
    capability: str
    level: str


class KeyAnswer(Item):
    """`customer_id` None: an operator's key, which sees every customer."""

    customer_id: str | None
    name: str
    grants: dict[str, str]
    scoped: tuple[ScopedAnswer, ...]
    rate_per_minute: int | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class KeyCreated(KeyAnswer):
    """`secret` is the key itself (`cw_…`). It is shown here and never again."""

    secret: str
