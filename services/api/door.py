"""Who is calling, and whether their key opens the route."""

import re
from datetime import datetime

from aiohttp import hdrs, web

from libs.model.key import Capability, Key, Level, Reach, digest
from libs.model.problem import Problem, Refusal
from libs.store.keys import Keys
from services.api.upkeep import LastUsed

_BEARER = re.compile(r"(?i:bearer) +(cw_[A-Za-z0-9_-]{1,200})", re.ASCII)
_NOBODY = digest("")


class Door:
    """Looks up the key of every request anew: a revoked one or a changed grant counts from the next call on."""

    def __init__(self, keys: Keys, *, used: LastUsed) -> None:
        self._keys = keys
        self._used = used

    async def let_in(self, request: web.Request, *, now: datetime) -> Key:
        """The caller's key; raises `Refusal` 401.

        Missing, malformed, unknown, expired and revoked look the same from outside, and each costs the same one lookup.
        """
        key = await self._keys.by_hash(_presented(request))
        if key is None or not key.usable(now):
            raise Refusal(_unauthorized())
        self._used.note(key.id)
        return key


def _presented(request: web.Request) -> bytes:
    given = request.headers.getall(hdrs.AUTHORIZATION, [])
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    return digest(match[1]) if match else _NOBODY


def check_grant(
    key: Key, *, capability: Capability, write: bool, operators_only: bool, per_account: bool = False
) -> Reach:
    """For which accounts the key's grants allow it; raises `Refusal` 403 when for none.

    What is not about single accounts needs the grant for everything, without an exception.
    """
    if operators_only and key.customer_id is not None:
        raise Refusal(_forbidden("Only operator keys may do this.", "Use a key that belongs to no customer."))
    reach = key.reach(capability, write=write)
    if reach is not None and (per_account or reach.whole):
        return reach
    if reach is not None:
        detail = f"This key's grant for {capability} is about single accounts, and this is not."
        raise Refusal(_forbidden(detail, "Use a key with the grant for everything."))
    need = Level.FULL if write else Level.READ
    have = key.grants.get(capability, Level.OFF)
    detail = f"This key's grant for {capability} is {have}; {need} is needed."
    raise Refusal(_forbidden(detail, f"Use a key whose grants say {capability}: {need}."))


def _unauthorized() -> Problem:
    return Problem(
        code="unauthorized",
        title="No valid key",
        status=401,
        detail="The request has no key, or one that is not valid (any more).",
        remedy="Send Authorization: Bearer cw_… with a key that is neither expired nor revoked.",
    )


def out_of_reach(capability: Capability, account_id: str) -> Refusal:
    """403, the same for accounts that are and that are not."""
    detail = f"This key's grant for {capability} does not reach the account {account_id[:64]!r}."
    return Refusal(_forbidden(detail, "Use a key whose grants reach it."))


def moves_own_reach() -> Refusal:
    """403: moving this account would change what the asking key reaches."""
    detail = "A grant of this key is about one of these groups, so moving an account would change what the key reaches."
    return Refusal(_forbidden(detail, "Use a key whose grants say keys: full."))


def _forbidden(detail: str, remedy: str) -> Problem:
    return Problem("forbidden", "The key does not allow this", 403, detail, remedy)
