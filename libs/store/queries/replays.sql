-- name: count
-- What a replay would send again. What waits already is sent anyway, and is never counted or touched; endpoints that were
-- deleted hear nothing.
select count(*) from deliveries d
where d.customer_id = $1 and d.id > $2 and d.id < $3 and d.day between $4 and $5
  and d.state = any($6::text[]) and d.state <> 'pending' and ($7::text is null or d.endpoint_id = $7)
  and not exists (select from endpoints p where p.id = d.endpoint_id and p.deleted_at is not null)
  and ($8::text[] is null or exists (select from events e where e.id = d.event_id and e.day = d.day and e.type = any($8)))

-- name: insert
-- Sent again when the reply was lost, it finds the row it made.
insert into replays (id, customer_id, state, since, until, types, endpoint_id, states, per_second, total, place, alarm,
                     created_at, updated_at)
values ($1, $2, 'running', $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)
on conflict (id) do update set id = excluded.id returning *

-- name: unfinished
select count(*) from replays where customer_id = $1 and state <> 'done'

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

-- name: due
-- The row is held until the batch and the place reached are committed: that is its lease, and it ends with its holder.
select * from replays where alarm <= $1 order by alarm limit 1 for update skip locked

-- name: crowded
-- Whether an endpoint that the replay sends to has as much waiting as is good for what comes fresh.
select exists (
    select from endpoints p
    where p.customer_id = $1 and ($2::text is null or p.id = $2) and p.state = 'enabled'
      and (select count(*) from (select from deliveries d where d.endpoint_id = p.id and d.alarm <= $3 limit $4) due) >= $4
)

-- name: batch
-- The next deliveries by id, each at its time: `per_second` apart for each endpoint. Ordered ones wait for their turn.
with next as (
    select d.id, d.day, d.endpoint_id, d.lane,
           row_number() over (partition by d.endpoint_id order by d.id) - 1 as n
    from (
        select d.id, d.day, d.endpoint_id, d.lane from deliveries d
        where d.customer_id = $1 and d.id > $2 and d.id < $3 and d.day between $4 and $5
          and d.state = any($6::text[]) and d.state <> 'pending' and ($7::text is null or d.endpoint_id = $7)
          and not exists (select from endpoints p where p.id = d.endpoint_id and p.deleted_at is not null)
          and ($8::text[] is null
               or exists (select from events e where e.id = d.event_id and e.day = d.day and e.type = any($8)))
        order by d.id limit $9 for update of d
    ) d
), again as (
    update deliveries d
    set state = 'pending', tries = 0, finished_at = null, version = d.version + 1,
        alarm = case when n.lane is null then $10::timestamptz + n.n * interval '1 second' / $11::int else 'infinity' end
    from next n
    where d.id = n.id and d.day = n.day
      and d.id = any(array(select id from next)) and d.day = any(array(select distinct day from next))
    returning d.id, d.endpoint_id, d.lane, d.alarm, n.n
)
select * from again order by id

-- name: advance
update replays
set place = $2, replayed = replayed + $3, alarm = $4, updated_at = $5, version = version + 1,
    state = case when $4::timestamptz is null then 'done' else state end,
    finished_at = case when $4::timestamptz is null then $5::timestamptz end
where id = $1
