"""Links to pictures that stop working, as TikTok's do: avatars after 2 h, covers after 6 h (fact sheet 2.3, 3.1)."""

from collections.abc import Callable
from datetime import datetime, timedelta

AVATAR_TTL = timedelta(hours=2)
COVER_TTL = timedelta(hours=6)


class Links:
    """`base` is asked each time: the port is known only once the server listens."""

    def __init__(self, base: Callable[[], str]) -> None:
        self._base = base

    def avatar(self, union_id: str, *, now: datetime) -> str:
        return self._link(f"avatar/{union_id}.svg", now + AVATAR_TTL)

    def cover(self, post_id: int, *, now: datetime) -> str:
        return self._link(f"cover/{post_id}.jpg", now + COVER_TTL)

    def upload(self, upload_id: int, token: str) -> str:
        """At most 256 characters (fact sheet 3.2)."""
        return f"{self._base()}/upload?upload_id={upload_id}&upload_token={token}"

    def _link(self, path: str, expires: datetime) -> str:
        return f"{self._base()}/_sim/cdn/{path}?x-expires={int(expires.timestamp())}"
