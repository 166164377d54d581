-- name: count
-- What a replay would send again. What waits already is sent anyway, and is never counted or touched; endpoints that were
-- deleted hear nothing.
select count(*) from deliveries d
where d.customer_id = $1 and d.id > $2 and d.id < $3 and d.day between $4 and $5
  and d.state = any($6::text[]) and d.state <> 'pending' and ($7::text is null or d.endpoint_id = $7)
  and not exists (select from endpoints p where p.id = d.endpoint_id and p.deleted_at is not null)
  and ($8::text[] is null or exists (select from events e where e.id = d.event_id and e.day = d.day and e.type = any($8)))

-- name: hold_customer
-- Whoever makes a replay of a customer does so alone, so that the count of those unfinished is true.
select from customers where id = $1 for no key update

-- name: insert
-- Sent again when the reply was lost, it finds the row it made. No row when `$12` others are unfinished.
insert into replays (id, customer_id, state, since, until, types, endpoint_id, states, per_second, total, place, scan_at,
                     alarm, created_at, updated_at)
select $1, $2, 'running', $3, $4, $5, $6, $7, $8, $9, $10, case when $6::text is null then $11::timestamptz end,
       $11, $11, $11
where (select count(*) from replays where customer_id = $2 and state in ('running', 'paused') and id <> $1) < $12
   or exists (select from replays where id = $1)
on conflict (id) do update set id = excluded.id returning *

-- name: set_aside
-- Shares of these endpoints (`$2`), from a place on.
insert into replay_shares (replay_id, endpoint_id, place, alarm)
select $1, endpoint_id, $3, $4 from unnest($2::text[]) as s (endpoint_id)
on conflict (replay_id, endpoint_id) do nothing

-- name: get
select * from replays where id = $1 and ($2::text is null or customer_id = $2)

-- name: page
select * from replays where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
order by id desc limit $3

-- name: pause
update replays set state = 'paused', alarm = null, version = version + 1, updated_at = $3
where id = $1 and ($2::text is null or customer_id = $2) and state = 'running'

-- name: resume
update replays set state = 'running', alarm = $3, version = version + 1, updated_at = $3
where id = $1 and ($2::text is null or customer_id = $2) and state = 'paused'

-- name: cancel
update replays set state = 'cancelled', alarm = null, version = version + 1, updated_at = $3, finished_at = $3
where id = $1 and ($2::text is null or customer_id = $2) and state in ('running', 'paused')

-- name: next_look
select min(alarm) from replays where alarm is not null

-- name: due
-- The row is held until the step and the places reached are committed: that is its lease, and it ends with its holder.
select * from replays where alarm <= $1 order by alarm limit 1 for update skip locked

-- name: shares_due
select endpoint_id, place from replay_shares where replay_id = $1 and alarm <= $2 order by alarm limit $3

-- name: rooms
-- What each of these endpoints can take. In order, what waits for its turn is due as well. One that is disabled is not
-- asked: what is for it is kept for it, as all events are.
select l.endpoint_id, l.rate_per_s, nullif(l.paused_until, 'infinity') as paused_until,
       (select count(*) from (
           select from deliveries d where d.endpoint_id = l.endpoint_id and d.alarm <= $2 limit $3) due)
       + (select count(*) from (
           select from deliveries d where d.endpoint_id = l.endpoint_id and d.alarm = 'infinity' limit $3) behind) as due
from endpoint_lanes l join endpoints p on p.id = l.endpoint_id
where l.endpoint_id = any($1::text[]) and p.state = 'enabled'

-- name: next
-- The next deliveries by id: of one endpoint (`$7`), or of all those that have no share of their own (`$10`).
select d.id, d.day, d.endpoint_id from deliveries d
where d.customer_id = $1 and d.id > $2 and d.id < $3 and d.day between $4 and $5
  and d.state = any($6::text[]) and d.state <> 'pending' and ($7::text is null or d.endpoint_id = $7)
  and not exists (select from endpoints p where p.id = d.endpoint_id and p.deleted_at is not null)
  and ($8::text[] is null or exists (select from events e where e.id = d.event_id and e.day = d.day and e.type = any($8)))
  and ($7::text is not null
       or not exists (select from replay_shares s where s.replay_id = $10 and s.endpoint_id = d.endpoint_id))
order by d.id limit $9

-- name: again
-- Each at its time (`$3`); ordered ones wait for their turn. What somebody sent again meanwhile is left as it is.
update deliveries d
set state = 'pending', tries = 0, finished_at = null, version = d.version + 1,
    alarm = case when d.lane is null then n.alarm else 'infinity' end
from unnest($1::text[], $2::date[], $3::timestamptz[]) as n (id, day, alarm)
where d.id = n.id and d.day = n.day and d.state <> 'pending' and d.id = any($1::text[]) and d.day = any($2::date[])
returning d.id, d.endpoint_id, d.lane

-- name: move_share
update replay_shares set place = coalesce($3, place), alarm = $4 where replay_id = $1 and endpoint_id = $2

-- name: advance
-- It is done once it came to its end for everybody: a second's worth at most has yet to go out then.
with look as (
    select least($4::timestamptz, (select min(alarm) from replay_shares where replay_id = $1)) as at
)
update replays
set place = coalesce($2, place), replayed = replayed + $3, scan_at = $4, alarm = look.at, updated_at = $5,
    version = version + 1, state = case when look.at is null then 'done' else state end,
    finished_at = case when look.at is null then $5::timestamptz end
from look where id = $1
