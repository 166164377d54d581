"""What counts against TikTok's caps over 24 hours, and who may go next under them."""

from collections.abc import Sequence
from datetime import datetime

from libs.model.cap import FORGET, WINDOW, Cap, CapKind, Full, learned, room
from libs.model.post import Post
from libs.store.pool import Connection, Pool
from libs.store.rows import Row
from libs.store.sql import Queries

SQL = Queries("caps")
AHEAD_MAX = 1000


class Caps:
    """The tables caps and cap_uses."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def admit(self, post: Post, n: int, *, now: datetime) -> Full | None:
        """Counts the init `n` of a post against the caps and returns None, or says until when one of them is full.

        Under a learned cap admissions come one after the other, across replicas.
        """

        async def write(connection: Connection) -> Full | None:
            app = await connection.fetchrow(SQL.client_key, post.account_id)
            client_key, open_id = (app["client_key"], app["open_id"]) if app else ("", "")
            direct = not post.inbox
            held = await connection.fetch(SQL.hold, post.account_id, client_key, direct, now - FORGET)
            fulls: list[Full] = []
            for row in held:
                cap = Cap(CapKind(row["kind"]), row["most"], row["full_until"])
                if cap.kind is CapKind.ACTIVE_USERS:
                    full = await self._app(connection, cap, client_key, open_id, now=now)
                else:
                    full = await self._account(connection, cap, post, n, now=now)
                fulls += [full] if full else []
            if fulls:
                return max(fulls, key=lambda full: full.at)
            await connection.execute(SQL.use, post.id, n, post.account_id, direct, now)
            return None

        return await self._pool.transact(write)

    async def made(self, post_id: str, n: int, *, now: datetime) -> None:
        """TikTok took the init."""
        await self._pool.execute(SQL.made, post_id, n, now)

    async def release(self, post_id: str, n: int) -> None:
        """The init was not made, or TikTok refused it."""
        await self._pool.execute(SQL.release, post_id, n)

    async def learn(self, post: Post, kind: CapKind, *, now: datetime, ended: int = 0) -> Full:
        """TikTok said that a cap is full: keeps what that teaches and says when this post has room.

        `ended` is the post's init that TikTok had taken before it said so, if it had: that one counts no more.
        """

        async def write(connection: Connection) -> Full:
            if ended:
                await connection.execute(SQL.release, post.id, ended)
            app = await connection.fetchrow(SQL.client_key, post.account_id)
            client_key, open_id = (app["client_key"], app["open_id"]) if app else ("", "")
            since, ahead = now - WINDOW, []
            if kind is CapKind.ACTIVE_USERS:
                scope = f"app:{client_key}"
                uses = _times(await connection.fetch(SQL.posters, client_key, open_id, since, True))
            else:
                scope, direct = post.account_id, kind is CapKind.DAILY_POSTS
                uses = _times(await connection.fetch(SQL.uses, post.account_id, direct, since, post.id, True, 0))
                ahead = _times(await connection.fetch(SQL.ahead, post.account_id, post.id, direct, AHEAD_MAX))
            cap = learned(kind, uses, now=now)
            await connection.execute(SQL.learn, scope, str(kind), cap.most, cap.full_until, now)
            return room(cap, uses=uses, ahead=ahead, now=now) or Full(kind, now + WINDOW)

        return await self._pool.transact(write)

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Forgets uses that count no more."""
        return await self._pool.execute(SQL.forget, before, limit)

    async def _account(self, connection: Connection, cap: Cap, post: Post, n: int, *, now: datetime) -> Full | None:
        direct = cap.kind is CapKind.DAILY_POSTS
        uses = _times(await connection.fetch(SQL.uses, post.account_id, direct, now - WINDOW, post.id, False, n))
        ahead = _times(await connection.fetch(SQL.ahead, post.account_id, post.id, direct, min(cap.most, AHEAD_MAX)))
        return room(cap, uses=uses, ahead=ahead, now=now)

    async def _app(
        self, connection: Connection, cap: Cap, client_key: str, open_id: str, *, now: datetime
    ) -> Full | None:
        if await connection.fetchval(SQL.counted, client_key, open_id, now - WINDOW):
            return None
        posters = _times(await connection.fetch(SQL.posters, client_key, open_id, now - WINDOW, False))
        return room(cap, uses=posters, ahead=(), now=now)


def _times(found: Sequence[Row]) -> list[datetime]:
    return [row["at"] for row in found]
