"""Where a publisher is stopped in the middle of a save: triggers in the campaign's own database wait at its commit.

The wait is for a lock that this campaign holds. Whoever is held there has sent its COMMIT and heard nothing. Letting it
go saves what it wrote, whether it still lives or not; ending its session saves nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any

import asyncpg

_CLASS = 4711
"""The first half of the locks' key; nothing of ours takes locks of two halves."""

_PLACE = f"""
create table prove_stops (id int primary key, account_id text not null, point text not null);
create unique index on prove_stops (account_id, point);

create function prove_stop(of_post text, at_point text) returns void language plpgsql as $$
declare
    stop int;
begin
    select s.id into stop from prove_stops s join posts o on o.account_id = s.account_id
    where o.id = of_post and s.point = at_point;
    if stop is not null then
        perform pg_advisory_xact_lock_shared({_CLASS}, stop);
    end if;
end $$;

create function prove_publication() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.state = 'open' and old.state = 'open' then
        perform prove_stop(new.post_id, 'progressed');
    elsif tg_op = 'INSERT' or new.state <> old.state then
        perform prove_stop(new.post_id, new.state);
    end if;
    return null;
end $$;

create function prove_post() returns trigger language plpgsql as $$
begin
    perform prove_stop(new.id, new.state);
    return null;
end $$;

-- One save may be of many posts. It waits for the first of its stops at the commit; that it has come to the others is
-- seen by sequences alone, because nothing else gets out of a transaction.
create function prove_met() returns trigger language plpgsql as $$
begin
    perform nextval('prove_met_' || s.id) from prove_stops s
    where s.account_id = new.account_id and s.point = new.state;
    return null;
end $$;

create constraint trigger prove_publication after insert or update on publications
    deferrable initially deferred for each row execute function prove_publication();
create constraint trigger prove_post after update of state on posts
    deferrable initially deferred for each row when (new.state = 'published' and old.state <> 'published')
    execute function prove_post();
create trigger prove_met after update of state on posts
    for each row when (new.state = 'published' and old.state <> 'published') execute function prove_met();
"""

_HELD = f"""
select l.objid::int as stop, l.pid, a.client_port as port
from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.classid = {_CLASS} and l.objsubid = 2 and not l.granted
"""
_MET = r"""
select substring(sequencename from '\d+$')::int as stop from pg_sequences
where sequencename like 'prove\_met\_%' and last_value is not null
"""


class Stops:
    """All stops of a campaign, named by numbers. `open` once, `close` at the end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record]

    async def open(self) -> None:
        self._connection = await asyncpg.connect(self._url, timeout=10, command_timeout=30)
        await self._connection.execute(_PLACE)

    async def close(self) -> None:
        await self._connection.close(timeout=5)

    async def arm(self, stops: Mapping[int, tuple[str, str]]) -> None:
        """Stop → (account, point). Whoever saves that of a post of that account waits from now on."""
        for stop in stops:
            await self._connection.execute("select pg_advisory_lock($1, $2)", _CLASS, stop)
            await self._connection.execute(f"create sequence prove_met_{int(stop)}")
        rows = [(stop, account, point) for stop, (account, point) in stops.items()]
        await self._connection.executemany("insert into prove_stops values ($1, $2, $3)", rows)

    async def held(self) -> dict[int, tuple[int, int]]:
        """Stop → (process id, port) of the session that waits there, of those where one does."""
        return {row["stop"]: (row["pid"], row["port"]) for row in await self._rows(_HELD)}

    async def met(self) -> set[int]:
        """Stops that a save has come to which is held there, or at another of its stops."""
        return {row["stop"] for row in await self._rows(_MET)}

    async def let_go(self, stops: Collection[int]) -> None:
        """What waits there is saved; nobody waits there again."""
        for stop in stops:
            await self._connection.execute("select pg_advisory_unlock($1, $2)", _CLASS, stop)

    async def clear(self, stops: Collection[int]) -> None:
        """Forgets stops that were let go."""
        await self._connection.execute("delete from prove_stops where id = any($1::int[])", list(stops))
        for stop in stops:
            await self._connection.execute(f"drop sequence prove_met_{int(stop)}")

    async def undo(self, stops: Collection[int]) -> None:
        """What waits there is not saved: its session is ended first, and has ended when the stop is opened."""
        pids = [pid for stop, (pid, _) in (await self.held()).items() if stop in stops]
        await self._rows("select pg_terminate_backend(pid, 5000) from unnest($1::int[]) as p (pid)", pids)
        await self.let_go(stops)

    async def _rows(self, question: str, *args: Any) -> list[asyncpg.Record]:
        return list(await self._connection.fetch(question, *args))
