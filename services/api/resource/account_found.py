"""The account of a path."""

from libs.model.account import Account
from services.api.call import Call


async def found(call: Call) -> Account:
    """The account of the path, if this key may see it. Raises `Refusal` 404."""
    one = await call.desk.store.accounts.get(call.id("acc"), customer_id=call.sees, reach=call.reach)
    if one is None:
        raise call.missing("acc")
    return one
