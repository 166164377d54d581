-- name: create
-- Without a position it begins with what is not yet committed now.
insert into consumers (id, customer_id, name, events, xid, event_id, created_at, updated_at)
values ($1, $2, $3, $4, coalesce($5::text::xid8, pg_snapshot_xmin(pg_current_snapshot())), $6, $7, $7)
on conflict (customer_id, name) do nothing
returning *, xid::text as position

-- name: count
select count(*) from consumers where customer_id is not distinct from $1

-- name: get
select *, xid::text as position from consumers where customer_id is not distinct from $1 and name = $2

-- name: page
select *, xid::text as position from consumers
where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2) order by id desc limit $3

-- name: acknowledge
-- Only forward, and never past the horizon: behind a place that nobody can have read yet, events would be lost. A place
-- that it has is one it was shown, though the horizon still stands where the consumer began.
with horizon as (
    select pg_snapshot_xmin(pg_current_snapshot()) as xid
), moved as (
    update consumers c set xid = $2::text::xid8, event_id = $3, acknowledged_at = $4, updated_at = $4
    from horizon h
    where c.id = $1 and (c.xid, c.event_id) < ($2::text::xid8, $3) and $2::text::xid8 < h.xid
    returning c.id
)
select $2::text::xid8 < h.xid
       or exists (select from consumers c where c.id = $1 and ($2::text::xid8, $3::text) <= (c.xid, c.event_id)) as readable,
       exists (select from moved) as moved from horizon h

-- name: seek
update consumers c set xid = least($2::text::xid8, h.xid), event_id = case when $2::text::xid8 < h.xid then $3 else '' end,
    updated_at = $4
from (select pg_snapshot_xmin(pg_current_snapshot()) as xid) h
where c.id = $1
returning c.*, c.xid::text as position

-- name: horizon
select pg_snapshot_xmin(pg_current_snapshot())::text

-- name: position_at
-- The earliest position among all events born since: a transaction may commit late what was born early.
select xid::text from events
where day >= $2 and id >= $3 and ($1::text is null or customer_id = $1) order by xid limit 1

-- name: remove
delete from consumers where customer_id is not distinct from $1 and name = $2
