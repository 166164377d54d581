-- name: endpoints_of
-- Those that are told in order are served from their own place in the feed (ordering.sql).
select id, customer_id, events, accounts from endpoints where customer_id = any($1::text[]) and ordering = 'none'
  and deleted_at is null

-- name: fan_out
-- The deliveries of some events (`$7`, `$8`), the bell of their lanes, and the events crossed off, in one statement. Lanes
-- are rung as by `ring_lanes`, which says more; events are named by arrays: a join is planned as a scan of a whole day.
with wanted as (
    select * from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[])
        as d (id, day, event_id, endpoint_id, customer_id)
), made as (
    insert into deliveries (id, day, event_id, endpoint_id, customer_id, state, alarm, created_at)
    select id, day, event_id, endpoint_id, customer_id, 'pending', $6, $6 from wanted
    on conflict (event_id, endpoint_id, day) do nothing
), rung as (
    update endpoint_lanes l
    set ring = l.ring + 1, alarm = greatest(least(coalesce(l.alarm, $6), $6), l.paused_until)
    from (select endpoint_id from endpoint_lanes where endpoint_id in (select endpoint_id from wanted)
          order by endpoint_id for update) held
    where l.endpoint_id = held.endpoint_id
)
update events set fan_out_at = null where id = any($7::text[]) and day = any($8::date[])

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
-- back of the line. Of an open circuit one row is taken, as a probe, and the lane waits for what becomes of it; of a lane
-- with a rate what a second or one row may cost, and the lane waits as long, whoever takes it: its alarm moves too, for it
-- may be claimed again before it is put to sleep. Of some lanes (`$6`) a few (`$7`). Lanes come as rows of their own,
-- without an id: what is said of an endpoint is not repeated for each delivery. Rows are named by arrays, and events
-- looked up one by one, because a join over many partitions is planned as a scan of a whole day.
with lanes as (
    select endpoint_id, ring, failures, open_since is not null as probing, rate_per_s, paused_until from endpoint_lanes
    where alarm <= $1 and endpoint_id <> all($5::text[])
    order by alarm limit $3 for update skip locked
), due as (
    select l.endpoint_id, d.id, d.day
    from lanes l cross join lateral (
        select id, day from deliveries
        where endpoint_id = l.endpoint_id and alarm <= $1 order by alarm
        limit case when l.probing then 1
                   else least(case when l.endpoint_id = any($6::text[]) then $7::int else $4::int end,
                              ceil(l.rate_per_s)::int) end for update skip locked
    ) d
), leased as (
    update deliveries d set alarm = $2, version = d.version + 1
    where d.id = any(array(select id from due)) and d.day = any(array(select distinct day from due))
    returning d.id, d.day, d.event_id, d.endpoint_id, d.tries, d.version
), taken as (
    select l.endpoint_id, l.ring, l.failures, l.probing, count(d.id) as taken,
           count(d.id) / l.rate_per_s as pace_s,  -- null without a rate
           case when count(d.id) = 0 then null
                when l.probing then $2
                when l.rate_per_s > 0
                    then greatest(l.paused_until, $1 + count(d.id) / l.rate_per_s * interval '1 second') end as until
    from lanes l left join due d using (endpoint_id)
    group by l.endpoint_id, l.ring, l.failures, l.probing, l.rate_per_s, l.paused_until
), moved as (
    update endpoint_lanes l
    set alarm = greatest($1, t.until), paused_until = coalesce(t.until, l.paused_until)
    from taken t where l.endpoint_id = t.endpoint_id
)
select t.endpoint_id, t.ring, t.failures, t.pace_s, e.version as endpoint_version, null::text as id, null::date as day,
       null::text as event_id, null::int as tries, null::int as version, null::text as body, null::timestamptz as occurred_at
from taken t join endpoints e on e.id = t.endpoint_id
union all
select d.endpoint_id, null, null, null, null, d.id, d.day, d.event_id, d.tries, d.version, e.body, e.occurred_at
from leased d
left join lateral (select body, occurred_at from events where id = d.event_id and day = d.day limit 1) e on true

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
-- ends its endpoint's (`$19`) run of failures and closes its circuit; where somebody was told of the failing, it is only
-- named, for `recover` to tell of the end as well. The arrays besides the join let partitions and index be used.
with input as (
    select * from unnest($1::text[], $2::date[], $3::int[], $4::text[], $5::timestamptz[], $6::int[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::int[], $13::text[], $14::text[], $15::int[],
                         $16::text[], $17::timestamptz[])
        as s (id, day, version, state, alarm, status, error, attempt_id, endpoint_id, event_id, at, ms, response, why, n,
              detail, next_at)
), settled as (
    update deliveries d
    set state = i.state, alarm = i.alarm, tries = d.tries + 1, version = d.version + 1, last_status = i.status,
        last_error = i.error, finished_at = case when i.state <> 'pending' then $18::timestamptz end
    from input i
    where d.id = i.id and d.day = i.day and d.version = i.version and d.state = 'pending'
      and d.id = any($1::text[]) and d.day = any($2::date[])
    returning d.id
), kept as (
    insert into attempts (id, day, delivery_id, endpoint_id, event_id, n, at, status, error, ms, response, why, next_at, detail)
    select attempt_id, (at at time zone 'UTC')::date, id, endpoint_id, event_id, n, at, status, error, ms, response, why, next_at,
           detail::json
    from input
    on conflict (id, day) do nothing  -- settled before, and the answer was lost
), sick as (
    select id, failing_told > 0 or state = 'disabled' as told from endpoints
    where id = any($19::text[]) and failing_since is not null order by id for update
), well as (
    update endpoints e set failing_since = null from sick where e.id = sick.id and not sick.told returning e.id
), closed as (
    update endpoint_lanes l
    set failures = 0, open_since = null, ring = l.ring + 1,
        alarm = greatest(least(l.alarm, $18), case when l.open_since is null then l.paused_until end),
        paused_until = case when l.open_since is null then l.paused_until end
    from well where l.endpoint_id = well.id
)
select (select count(*) from settled) as kept, array(select id from sick where told) as told

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

-- name: hold_ill
-- Endpoints come before their lanes, here and wherever both are changed.
select id, customer_id, url, failing_since, failing_told, disable_after, disabled_for
from endpoints where id = any($1::text[]) and deleted_at is null order by id for update

-- name: mark_ill
-- `disabled_for` and `reason` are null for those that go on.
update endpoints e
set failing_since = x.since, failing_told = x.told, disabled_for = coalesce(x.disabled_for, e.disabled_for),
    state = case when x.disabled_for is null then e.state else 'disabled' end, reason = coalesce(x.reason, e.reason),
    version = e.version + (x.disabled_for is not null)::int, updated_at = $6
from unnest($1::text[], $2::timestamptz[], $3::int[], $4::text[], $5::text[]) as x (id, since, told, disabled_for, reason)
where e.id = x.id

-- name: hold_circuits
select endpoint_id, failures, open_since from endpoint_lanes
where endpoint_id = any($1::text[]) order by endpoint_id for update

-- name: save_circuits
update endpoint_lanes l set failures = x.failures, open_since = x.open_since
from unnest($1::text[], $2::int[], $3::timestamptz[]) as x (id, failures, open_since) where l.endpoint_id = x.id

-- name: recover
-- Those of whose failing somebody was told, and that answer well again. What was disabled by hand or is gone stays so.
update endpoints e
set failing_since = null, failing_told = 0, disabled_for = nullif(held.disabled_for, 'failing'),
    state = case when held.disabled_for = 'failing' then 'enabled' else e.state end,
    reason = case when held.disabled_for = 'failing' then null else e.reason end, version = e.version + 1, updated_at = $2
from (select id, failing_since, failing_told, disabled_for from endpoints
      where id = any($1::text[]) and failing_since is not null order by id for update) held
where e.id = held.id
returning e.id, e.customer_id, e.url, e.state, held.failing_since, held.failing_told, held.disabled_for

-- name: close_circuits
update endpoint_lanes l set failures = 0, open_since = null, paused_until = null, alarm = $2, ring = l.ring + 1
from (select endpoint_id from endpoint_lanes where endpoint_id = any($1::text[]) order by endpoint_id for update) held
where l.endpoint_id = held.endpoint_id

-- name: disable_lanes
update endpoint_lanes l set paused_until = 'infinity', alarm = null
from (select endpoint_id from endpoint_lanes where endpoint_id = any($1::text[]) order by endpoint_id for update) held
where l.endpoint_id = held.endpoint_id

-- name: sweep_lanes
-- Repairs what should not happen: a lane that sleeps past a due delivery. Each lane's first alarm by the index: an endpoint
-- for which a million wait costs as much as any other.
update endpoint_lanes l set alarm = greatest(held.due, l.paused_until), ring = l.ring + 1
from (
    select lane.endpoint_id, waiting.due
    from endpoint_lanes lane cross join lateral (
        select alarm as due from deliveries d
        where d.endpoint_id = lane.endpoint_id and d.alarm < 'infinity' order by d.alarm limit 1
    ) waiting
    where (lane.alarm is null or lane.alarm > greatest(waiting.due, lane.paused_until, $1::timestamptz) + interval '2 minutes')
      and (lane.paused_until is null or lane.paused_until < 'infinity')
    order by lane.endpoint_id for update of lane
) held
where l.endpoint_id = held.endpoint_id

-- name: end_deleted
-- What still waits for an endpoint that was deleted, `$2` at most: an event that was being fanned out meanwhile, too. Whoever
-- is sending one of them keeps its attempt; the verdict is this.
with due as (
    select d.id, d.day
    from endpoints e cross join lateral (
        select id, day from deliveries where endpoint_id = e.id and alarm is not null limit $2 for update skip locked
    ) d
    where e.deleted_at is not null limit $2
)
update deliveries d
set state = 'exhausted', alarm = null, last_error = 'endpoint_deleted', finished_at = $1, version = d.version + 1
where d.id = any(array(select id from due)) and d.day = any(array(select distinct day from due))

-- name: redeliver
update deliveries set state = 'pending', alarm = $3, finished_at = null, version = version + 1
where id = $1 and day = $2 and ($4::text is null or customer_id = $4)
  and not exists (select from endpoints e where e.id = endpoint_id and e.deleted_at is not null)
returning *

-- name: get
select d.*, e.type, l.paused_until
from deliveries d join events e on e.id = d.event_id and e.day = d.day
left join endpoint_lanes l on l.endpoint_id = d.endpoint_id
where d.id = $1 and d.day = $2 and ($3::text is null or d.customer_id = $3)

-- name: page
-- The page first, then each row's event by its key: a join would read all events of the days it spans.
select d.*, (select e.type from events e where e.id = d.event_id and e.day = d.day) as type,
       (select l.paused_until from endpoint_lanes l where l.endpoint_id = d.endpoint_id) as paused_until
from (
    select * from deliveries
    where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
      and ($3::text is null or endpoint_id = $3) and ($4::text is null or event_id = $4) and ($5::text is null or state = $5)
    order by id desc limit $6
) d
order by d.id desc

-- name: attempts_of
select * from attempts where delivery_id = $1 order by id limit $2
