"""Customers: whom the operator posts for."""

from libs.rest.field import CustomerId, Moment, Name
from libs.rest.shape import Ask, Item, PageQuery


class CustomersQuery(PageQuery):
    cursor: CustomerId | None = None


class CustomerNew(Ask):
    name: Name


class CustomerAnswer(Item):
    name: str
    created_at: Moment
