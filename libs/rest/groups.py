"""Groups: a place for one TikTok account, such as a brand."""

from libs.rest.field import CustomerId, GroupId, Moment, Name
from libs.rest.shape import Ask, Item, PageQuery


class GroupsQuery(PageQuery):
    cursor: GroupId | None = None


class GroupNew(Ask):
    customer_id: CustomerId | None = None
    name: Name


class GroupChange(Ask):
    name: Name


class GroupAnswer(Item):
    """`account_id` is the account it holds, None while it is empty."""

    customer_id: str
    name: str
    account_id: str | None
    created_at: Moment
