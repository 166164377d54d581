"""Who may see a post that does not say so, for vendors that let it be left out. Ours never does."""

import asyncio
from collections.abc import Sequence
from typing import Final

from libs.accounts.errors import Later, NotConnected
from libs.model.accept import SCOPE
from libs.model.account import Account, AccountState
from libs.model.post_request import Privacy
from libs.model.problem import Refusal
from libs.tiktok.errors import TikTokError
from services.api.call import Call
from services.api.dialects.frame import Compiled, before, in_words_of
from services.api.resource import posts
from services.api.resource.creator import creator_info, trouble
from services.api.resource.validate import AT_ONCE

SAFE: Final = (Privacy.SELF_ONLY, Privacy.MUTUAL_FOLLOW_FRIENDS, Privacy.FOLLOWER_OF_CREATOR)
"""From the fewest eyes on. Nothing becomes public because nobody said who may see it."""


def safest(options: Sequence[Sequence[str]], *, branded: bool) -> Privacy | None:
    """What every one of these creators offers and the fewest people see. Branded content is never private."""
    every = (level for level in SAFE if not (branded and level is Privacy.SELF_ONLY))
    return next((level for level in every if all(level in offered for offered in options)), None)


async def settle_privacy(call: Call, compiled: Compiled, name: str) -> None:
    """Chooses for a direct post that leaves it out, and says so. `name` is the vendor's field. Raises `Refusal`."""
    asked = compiled.request
    if compiled.errors or asked.get("privacy_level") is not None or asked.get("mode") == "inbox":
        return
    branded = bool(asked.get("brand_content_toggle"))
    provisional = Privacy.MUTUAL_FOLLOW_FRIENDS if branded else Privacy.SELF_ONLY
    with in_words_of(compiled):  # what is wrong anyway asks nobody
        request = posts.request_of(call, asked | {"privacy_level": provisional})
    known = await call.desk.store.accounts.get_many(request.accounts, customer_id=call.sees)
    if not all(id_ in known and _can_post(known[id_]) for id_ in request.accounts):
        asked["privacy_level"] = provisional  # refused for the account, whoever may see it
        return
    if (earlier := await before(call, request.accounts)) is not None:
        chosen = earlier.request["privacy_level"] or provisional
    else:
        offered = await _offered(call, request.accounts)
        chosen = safest(offered, branded=branded)
        if chosen is None:
            compiled.wrong(
                name,
                "required",
                "Without it the choice that the fewest people see is taken, and here none but public is left.",
                "Send the value its creator chose.",
                limit=", ".join(sorted(set.intersection(*map(set, offered)))),
            )
            return
    asked["privacy_level"] = chosen
    detail = "Left out, it is the choice of the creator's own that the fewest people see. Set it when you go live."
    compiled.adjust(name, "defaulted", detail, used=str(chosen))


def _can_post(account: Account) -> bool:
    return account.state is AccountState.CONNECTED and SCOPE["direct"] in account.scopes


async def _offered(call: Call, accounts: Sequence[str]) -> list[Sequence[str]]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(account_id: str) -> Sequence[str]:
        async with turns:
            try:
                return (await creator_info(call, account_id)).privacy_level_options
            except (NotConnected, Later, TikTokError) as error:
                raise Refusal(trouble(error)) from error

    return list(await asyncio.gather(*(one(account_id) for account_id in accounts)))
