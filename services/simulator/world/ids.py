"""Numbers and tokens TikTok hands out. Numbers are never reused, not even after a reset."""

import random
import string
from datetime import datetime

_TOKEN = string.ascii_letters + string.digits


class Ids:
    """One source for all of them. Accounts made in the same order from the same seed get the same tokens.

    Chances of faults (`dice`), log ids and the noise in numbers are drawn apart, so that they do not disturb that.
    """

    def __init__(self, seed: int) -> None:
        self._tokens = random.Random(f"{seed} tokens")
        self._noise = random.Random(f"{seed} noise")
        self.dice = random.Random(f"{seed} dice")
        self._last = 0

    def number(self, now: datetime) -> int:
        """A 19-digit id above 2^53, rising with time: seconds in the upper bits, as TikTok's own are."""
        drawn = (int(now.timestamp()) << 32) | self._noise.getrandbits(31)
        self._last = max(self._last + 1, drawn)
        return self._last

    def token(self, prefix: str, length: int = 48) -> str:
        """`act.…`, `rft.…`, `clt.…`."""
        return prefix + "".join(self._tokens.choices(_TOKEN, k=length))

    def code(self) -> str:
        """An authorization code; carries `*` and `!` as the real ones do, so that encoding mistakes show."""
        return f"{self.token('', 40)}*{self._tokens.randrange(10)}!{self._tokens.randrange(1000, 9999)}.va"

    def open_id(self) -> str:
        """Not numeric, and may begin with a dash: `-000…` or `_000…`."""
        return self._tokens.choice(("-000", "_000")) + "".join(self._tokens.choices(_TOKEN + "-_", k=32))

    def log_id(self, now: datetime) -> str:
        """A timestamp and hex, such as `202602041114330A1B2C3D4E5F60718293`."""
        return f"{now:%Y%m%d%H%M%S}{self._noise.getrandbits(80):020X}"
