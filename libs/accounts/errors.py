"""Why a call was not made, or what became of it besides TikTok's own errors (`libs.tiktok.errors`).

LineError
├── NotConnected   the account may not be used: somebody must connect it again
└── Later          not now: the budget is spent, or another worker is refreshing; carries when to come back
"""

from datetime import datetime


class LineError(Exception):
    """The call was not made."""


class NotConnected(LineError):
    """The account may not be used. `removed` says its grant was ended, not merely that its tokens ran out."""

    def __init__(self, account_id: str, *, removed: bool, reason: str) -> None:
        super().__init__(f"{account_id}: {reason}")
        self.account_id = account_id
        self.removed = removed
        self.reason = reason


class Later(LineError):
    """Come back at `at`; this is nobody's failure and spends no try."""

    def __init__(self, why: str, *, at: datetime) -> None:
        super().__init__(why)
        self.why = why
        self.at = at
