-- name: endpoints
select endpoint_id from ordered_feeds order by endpoint_id

-- name: behind
-- Endpoints whose customer has had news since, the one furthest behind first. Their rows are held: one feeds at a time.
select f.endpoint_id, f.customer_id, f.xid::text as position, f.event_id, f.turn, p.events, p.accounts
from ordered_feeds f join endpoints p on p.id = f.endpoint_id
where exists (
    select from events e
    where e.customer_id = f.customer_id and (e.xid, e.id) > (f.xid, f.event_id)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())
)
order by f.xid limit $1 for update of f skip locked

-- name: news
-- In the order they were committed, below the horizon: nothing can come before them any more.
select id, day, type, account_id, key, xid::text as position from events
where customer_id = $1 and (xid, id) > ($2::text::xid8, $3) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid, id limit $4

-- name: insert
-- In a lane they wait at infinity until it is their turn; what is of no account has no lane.
insert into deliveries (id, day, event_id, endpoint_id, customer_id, lane, turn, state, alarm, created_at)
select id, day, event_id, $1, $2, lane, turn, 'pending', case when lane is null then $8::timestamptz else 'infinity' end, $8
from unnest($3::text[], $4::date[], $5::text[], $6::text[], $7::bigint[]) as d (id, day, event_id, lane, turn)
on conflict (event_id, endpoint_id, day) do nothing

-- name: moved
update ordered_feeds set xid = $2::text::xid8, event_id = $3, turn = $4 where endpoint_id = $1

-- name: hold
-- Whoever gives out turns holds the feed first: it cannot miss a delivery that somebody is just inserting.
select endpoint_id from ordered_feeds where endpoint_id = any($1::text[]) order by endpoint_id for update

-- name: promote
-- The first of each lane, unless one of that lane is at its turn already. Returns whom to ring.
with heads as (
    select h.id, h.day
    from (select distinct endpoint_id, lane from unnest($1::text[], $2::text[]) as w (endpoint_id, lane)) w
    cross join lateral (
        select id, day, alarm from deliveries
        where endpoint_id = w.endpoint_id and lane = w.lane and lane is not null and alarm is not null
        order by turn limit 1
    ) h
    where not exists (
        select from deliveries o
        where o.endpoint_id = w.endpoint_id and o.lane = w.lane and o.lane is not null and o.alarm < 'infinity'
    )
)
update deliveries d set alarm = $3
where d.id = any(array(select id from heads)) and d.day = any(array(select distinct day from heads))
returning d.endpoint_id

-- name: lanes_of
select distinct endpoint_id, lane from deliveries
where id = any($1::text[]) and day = any($2::date[]) and lane is not null

-- name: waiting
-- Every lane in which somebody waits, found from one to the next: many may wait in each.
with recursive lanes as (
    (select endpoint_id, lane from deliveries where lane is not null and alarm is not null
     order by endpoint_id, lane limit 1)
    union all
    select n.endpoint_id, n.lane
    from lanes l cross join lateral (
        select endpoint_id, lane from deliveries
        where lane is not null and alarm is not null and (endpoint_id, lane) > (l.endpoint_id, l.lane)
        order by endpoint_id, lane limit 1
    ) n
)
select endpoint_id, lane from lanes
