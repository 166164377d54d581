-- name: record
-- Keys first: an event whose key is known is not recorded again, on whatever day.
with input as (
    select * from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::timestamptz[], $9::text[])
        as e (id, day, key, type, customer_id, account_id, post_id, occurred_at, body)
), fresh as (
    insert into event_keys (key, event_id, recorded_at)
    select key, id, $10 from input order by key
    on conflict (key) do nothing returning event_id
)
insert into events (id, day, key, type, customer_id, account_id, post_id, occurred_at, body, fan_out_at, relay_at)
select i.id, i.day, i.key, i.type, i.customer_id, i.account_id, i.post_id, i.occurred_at, i.body,
       case when i.customer_id is not null then $10::timestamptz end, $10
from input i join fresh f on f.event_id = i.id
returning id

-- name: claim_fan_out
select id, day, key, type, customer_id, account_id from events
where fan_out_at <= $1 order by fan_out_at limit $2 for update skip locked

-- name: claim_relay
with due as (
    select id, day from events where relay_at <= $1 order by relay_at limit $3 for update skip locked
)
update events set relay_at = $2
where id = any(array(select id from due)) and day = any(array(select distinct day from due))
returning id, day, type, body

-- name: relayed
-- Named by arrays, here and below: a join with the ids is planned as a scan of a whole day.
update events set relay_at = null where id = any($1::text[]) and day = any($2::date[])

-- name: relay_again
-- Only what still waits: another replica may have relayed it after our lease.
update events set relay_at = $3 where id = any($1::text[]) and day = any($2::date[]) and relay_at is not null

-- name: get
select * from events where id = $1 and day = $2 and ($3::text is null or customer_id = $3)
  and ($4::text[] is null or account_id = any($4)) and (account_id is null or account_id <> all($5::text[]))

-- name: feed
-- Nothing that is returned may be called `xid`: the order would be that of its text.
-- Below the snapshot's horizon only: a slow transaction's event is waited for, not skipped (design section 4, Cursors).
select id, type, body, xid::text as position from events
where customer_id = $6 and (xid, id) > ($1::text::xid8, $2::text)
  and xid < pg_snapshot_xmin(pg_current_snapshot())
  and ($3::text[] is null or type = any($3)) and ($4::text is null or post_id = $4)
  and ($7::text[] is null or account_id = any($7)) and (account_id is null or account_id <> all($8::text[]))
order by xid, id limit $5

-- name: feed_of_all
-- Its own statement: one for both would be planned for neither.
select id, type, body, xid::text as position from events
where (xid, id) > ($1::text::xid8, $2::text)
  and xid < pg_snapshot_xmin(pg_current_snapshot())
  and ($3::text[] is null or type = any($3)) and ($4::text is null or post_id = $4)
  and ($6::text[] is null or account_id = any($6)) and (account_id is null or account_id <> all($7::text[]))
order by xid, id limit $5
