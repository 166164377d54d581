-- name: receive
-- Many bodies in one statement. Both inserts go in one order for everybody: unsorted, concurrent batches deadlock. Bodies
-- come sorted by their hash; keys are sorted here, by bytes as `record` does.
with heard as (
    select * from unnest($1::bytea[], $2::date[], $3::timestamptz[], $4::bytea[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[])
        as h (body_hash, day, received_at, body, event, why, key, kind, client_key, open_id, publish_id, create_time,
              tiktok_post_id, reason, data)
), received as (
    insert into receipts (body_hash, day, received_at, body, event, fact_key, reason)
    select body_hash, day, received_at, body, event, key, why from heard
    on conflict (body_hash, day) do nothing
    returning 1
), learnt as (
    insert into facts (key, kind, source, client_key, open_id, publish_id, create_time, tiktok_post_id, reason, data,
                       heard_at, alarm)
    select key, kind, 'webhook', client_key, open_id, publish_id, create_time, tiktok_post_id, reason, data::jsonb,
           received_at, received_at
    from heard where key is not null order by key collate "C"
    on conflict (key) do nothing
    returning 1
)
select (select count(*) from received) as receipts, (select count(*) from learnt) as facts

-- name: record
insert into facts (key, kind, source, client_key, open_id, publish_id, create_time, tiktok_post_id, reason, data, heard_at, alarm)
select *, heard_at from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
                     $9::text[], $10::jsonb[], $11::timestamptz[])
    as f (key, kind, source, client_key, open_id, publish_id, create_time, tiktok_post_id, reason, data, heard_at)
on conflict (key) do nothing
returning key

-- name: claim
with due as (
    select id from facts where alarm <= $1 order by alarm, id limit $3 for update skip locked
)
update facts set alarm = $2, tries = tries + 1 where id = any(array(select id from due))
returning *

-- name: settle
update facts f set settled_at = $3, alarm = null, result = s.result
from unnest($1::bigint[], $2::text[]) as s (id, result)
where f.id = s.id and f.id = any($1::bigint[]) and f.settled_at is null

-- name: postpone
-- Not what was woken since it was claimed (`wake_facts` sets tries to 0): its publication is there now.
update facts f set alarm = s.alarm
from unnest($1::bigint[], $2::timestamptz[]) as s (id, alarm)
where f.id = s.id and f.settled_at is null and f.tries > 0

-- name: forget
-- The dedupe record outlives TikTok's retry window (72 h) many times over.
delete from facts where id in (select id from facts where settled_at is not null and heard_at < $1 limit $2)

-- name: forget_event_keys
delete from event_keys where key in (select key from event_keys where recorded_at < $1 limit $2)
