-- name: endpoints_of
select id, customer_id, events from endpoints where customer_id = any($1::text[])

-- name: insert
insert into deliveries (id, day, event_id, endpoint_id, customer_id, state, alarm, created_at)
select id, day, event_id, endpoint_id, customer_id, 'pending', $6, $6
from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[]) as d (id, day, event_id, endpoint_id, customer_id)
on conflict (event_id, endpoint_id, day) do nothing

-- name: ring_lanes
-- Sorted, so that two transactions never deadlock. A pause is kept; `ring` keeps a lane awake that was about to sleep.
update endpoint_lanes l
set ring = l.ring + 1, alarm = greatest(least(coalesce(l.alarm, r.alarm), r.alarm), l.paused_until)
from (
    select lane.endpoint_id, u.alarm
    from (select endpoint_id, min(alarm) as alarm from unnest($1::text[], $2::timestamptz[]) as u (endpoint_id, alarm)
          group by endpoint_id) u
    join endpoint_lanes lane using (endpoint_id)
    order by lane.endpoint_id for update of lane
) r
where l.endpoint_id = r.endpoint_id

-- name: claim
-- Lanes first, then their rows by alarm: a paused endpoint's million rows are never looked at. A claimed lane moves to the
-- back of the line; a lane without rows comes back with nulls, to be put to sleep. Rows are named by arrays, and events
-- looked up one by one, because a join over many partitions is planned as a scan of a whole day.
with lanes as (
    select endpoint_id, ring from endpoint_lanes where alarm <= $1 and endpoint_id <> all($5::text[])
    order by alarm limit $3 for update skip locked
), due as (
    select l.endpoint_id, d.id, d.day
    from lanes l cross join lateral (
        select id, day from deliveries
        where endpoint_id = l.endpoint_id and alarm <= $1 order by alarm limit $4 for update skip locked
    ) d
), leased as (
    update deliveries d set alarm = $2, version = d.version + 1
    where d.id = any(array(select id from due)) and d.day = any(array(select distinct day from due))
    returning d.id, d.day, d.event_id, d.endpoint_id, d.tries, d.version
), moved as (
    update endpoint_lanes l set alarm = $1 from lanes where l.endpoint_id = lanes.endpoint_id
)
select lanes.endpoint_id, lanes.ring, leased.id, leased.day, leased.event_id, leased.tries, leased.version,
       e.body, e.occurred_at
from lanes
left join leased on leased.endpoint_id = lanes.endpoint_id
left join lateral (select body, occurred_at from events where id = leased.event_id and day = leased.day limit 1) e on true

-- name: sleep_lanes
-- Only if nothing rang since the ring was read; the end of a lease is an alarm too, so a dead worker's rows are found.
-- With nothing to deliver there is no alarm, though a pause may have been: its end would keep the lane due for ever.
with held as (
    select l.endpoint_id from endpoint_lanes l
    join unnest($1::text[], $2::bigint[]) as x (endpoint_id, ring) on l.endpoint_id = x.endpoint_id and l.ring = x.ring
    order by l.endpoint_id for update of l
)
update endpoint_lanes l
set alarm = (select greatest(d.alarm, l.paused_until) from deliveries d
             where d.endpoint_id = l.endpoint_id and d.alarm is not null order by d.alarm limit 1)
from held where l.endpoint_id = held.endpoint_id

-- name: settle
-- State and attempts in one statement. A stale worker's attempt is kept (it did go out); its verdict is not. A success
-- ends its endpoint's (`$17`) run of failures. The arrays besides the join let partitions and index be used.
with input as (
    select * from unnest($1::text[], $2::date[], $3::int[], $4::text[], $5::timestamptz[], $6::int[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::int[], $13::text[], $14::text[], $15::int[])
        as s (id, day, version, state, alarm, status, error, attempt_id, endpoint_id, event_id, at, ms, response, why, n)
), settled as (
    update deliveries d
    set state = i.state, alarm = i.alarm, tries = d.tries + 1, version = d.version + 1, last_status = i.status,
        last_error = i.error, finished_at = case when i.state <> 'pending' then $16::timestamptz end
    from input i
    where d.id = i.id and d.day = i.day and d.version = i.version and d.state = 'pending'
      and d.id = any($1::text[]) and d.day = any($2::date[])
    returning d.id
), kept as (
    insert into attempts (id, day, delivery_id, endpoint_id, event_id, n, at, status, error, ms, response, why, next_at)
    select attempt_id, (at at time zone 'UTC')::date, id, endpoint_id, event_id, n, at, status, error, ms, response, why, alarm
    from input
    on conflict (id, day) do nothing  -- settled before, and the answer was lost
), well as (
    update endpoints e set failing_since = null
    from (select id from endpoints where id = any($17::text[]) and failing_since is not null order by id for update) held
    where e.id = held.id
)
select count(*) from settled

-- name: release
-- Taken but not tried (a shutdown, a paused lane): nobody's failure, no try spent.
update deliveries d set alarm = $4, version = d.version + 1
from unnest($1::text[], $2::date[], $3::int[]) as x (id, day, version)
where d.id = x.id and d.day = x.day and d.version = x.version and d.state = 'pending'
  and d.id = any($1::text[]) and d.day = any($2::date[])

-- name: pause_lanes
-- A lane that sleeps goes on sleeping, and a disabled one (paused for ever) is not given an end.
update endpoint_lanes l
set paused_until = greatest(l.paused_until, x.until),
    alarm = case when l.alarm is not null then greatest(l.alarm, l.paused_until, x.until) end
from (select lane.endpoint_id, u.until from unnest($1::text[], $2::timestamptz[]) as u (endpoint_id, until)
      join endpoint_lanes lane using (endpoint_id) order by lane.endpoint_id for update of lane) x
where l.endpoint_id = x.endpoint_id

-- name: failing
-- A failure begins a run of failures. Endpoints come before their lanes, here and where they are switched on and off.
update endpoints e set failing_since = $2
from (select id from endpoints where id = any($1::text[]) and failing_since is null order by id for update) held
where e.id = held.id

-- name: disable
-- `gone` endpoints answered 410; the others have failed since before `$3`.
update endpoints set state = 'disabled', reason = case when id = any($1::text[]) then 'answered 410 Gone' else $4 end,
       version = version + 1, updated_at = $5
where state = 'enabled' and (id = any($1::text[]) or (id = any($2::text[]) and failing_since <= $3))
returning id, customer_id, url, reason

-- name: disable_lanes
update endpoint_lanes l set paused_until = 'infinity', alarm = null
from (select endpoint_id from endpoint_lanes where endpoint_id = any($1::text[]) order by endpoint_id for update) held
where l.endpoint_id = held.endpoint_id

-- name: sweep_lanes
-- Repairs what should not happen: a lane that sleeps past a due delivery.
update endpoint_lanes l set alarm = greatest(held.due, l.paused_until), ring = l.ring + 1
from (
    select lane.endpoint_id, waiting.due
    from (select endpoint_id, min(alarm) as due from deliveries where alarm is not null group by endpoint_id) waiting
    join endpoint_lanes lane using (endpoint_id)
    where (lane.alarm is null or lane.alarm > greatest(waiting.due, lane.paused_until, $1::timestamptz) + interval '2 minutes')
      and (lane.paused_until is null or lane.paused_until < 'infinity')
    order by lane.endpoint_id for update of lane
) held
where l.endpoint_id = held.endpoint_id

-- name: redeliver
update deliveries set state = 'pending', alarm = $3, finished_at = null, version = version + 1
where id = $1 and day = $2 and ($4::text is null or customer_id = $4)
returning *

-- name: get
select d.*, e.type from deliveries d join events e on e.id = d.event_id and e.day = d.day
where d.id = $1 and d.day = $2 and ($3::text is null or d.customer_id = $3)

-- name: page
-- The page first, then each row's event by its key: a join would read all events of the days it spans.
select d.*, (select e.type from events e where e.id = d.event_id and e.day = d.day) as type
from (
    select * from deliveries
    where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
      and ($3::text is null or endpoint_id = $3) and ($4::text is null or event_id = $4) and ($5::text is null or state = $5)
    order by id desc limit $6
) d
order by d.id desc

-- name: attempts_of
select * from attempts where delivery_id = $1 order by id limit $2
