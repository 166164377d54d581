"""Customers: whom the operator posts for."""

from typing import Annotated

from pydantic import Field

from libs.rest.field import NOT_NULL, CustomerId, Flag, Moment, Name, Whole
from libs.rest.shape import Ask, Item, PageQuery

Quantity = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1), Whole]


class CustomersQuery(PageQuery):
    cursor: CustomerId | None = None


class CustomerNew(Ask):
    name: Name


class CustomerChange(Ask):
    """What is left out stays. Its own quotas of media may be null: the settings'."""

    name: Annotated[Name | None, NOT_NULL] = None
    media_bytes_max: Quantity | None = None
    media_files_max: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1), Whole] | None = None
    strict_disclosure: Annotated[Flag | None, NOT_NULL] = None


class CustomerAnswer(Item):
    """`media_bytes_max` and `media_files_max` are its own quotas; null: the settings'. With `strict_disclosure`,
    its posts in another vendor's words have to say whether they are branded content, also where the vendor asks nobody.
    """

    name: str
    media_bytes_max: int | None
    media_files_max: int | None
    strict_disclosure: bool
    created_at: Moment


class CustomerDetail(CustomerAnswer):
    """What it keeps, next to what it may keep."""

    media_bytes: int
    media_files: int
