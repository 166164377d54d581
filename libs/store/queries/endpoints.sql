-- name: insert
-- Sent again because the answer was lost, it gives the same endpoint the secret that is shown now.
with made as (
    insert into endpoints (id, customer_id, url, events, secrets, secret_ends, description, accounts, headers, payload,
                           schedule_s, timeout_s, rate_per_s, concurrency, disable_after, state, created_at, updated_at,
                           ordering, naming)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'enabled', $16, $16, $17, $18)
    on conflict (id) do update set secrets = excluded.secrets returning *
), lane as (
    insert into endpoint_lanes (endpoint_id, rate_per_s) values ($1, $13) on conflict do nothing
), feed as (
    insert into ordered_feeds (endpoint_id, customer_id, xid)
    select $1, $2, pg_snapshot_xmin(pg_current_snapshot()) where $17 = 'account'
    on conflict do nothing
)
select * from made

-- name: get
-- One that was deleted is not there.
select * from endpoints where id = $1 and ($2::text is null or customer_id = $2) and deleted_at is null

-- name: hold
select * from endpoints where id = $1 and ($2::text is null or customer_id = $2) and deleted_at is null for update

-- name: get_many
select * from endpoints where id = any($1::text[]) and deleted_at is null

-- name: count
select count(*) from endpoints where customer_id = $1 and id <> $2 and deleted_at is null

-- name: page
select * from endpoints where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
    and deleted_at is null
order by id desc limit $3

-- name: change
with changed as (
    update endpoints set url = $3, events = $4, secrets = $5, secret_ends = $6, description = $7, accounts = $8,
        headers = $9, payload = $10, schedule_s = $11, timeout_s = $12, rate_per_s = $13, concurrency = $14,
        disable_after = $15, version = version + 1, updated_at = $16
    where id = $1 and customer_id = $2 and deleted_at is null returning *
), lane as (
    update endpoint_lanes l set rate_per_s = c.rate_per_s from changed c
    where l.endpoint_id = c.id and l.rate_per_s is distinct from c.rate_per_s
)
select * from changed

-- name: enable
update endpoints set state = 'enabled', disabled_for = null, reason = null, failing_since = null, failing_told = 0,
    version = version + 1, updated_at = $3
where id = $1 and ($2::text is null or customer_id = $2) and deleted_at is null returning *

-- name: disable
update endpoints set state = 'disabled', disabled_for = 'request', reason = $3, version = version + 1, updated_at = $4
where id = $1 and ($2::text is null or customer_id = $2) and deleted_at is null returning *

-- name: enable_lane
update endpoint_lanes set paused_until = null, failures = 0, open_since = null, alarm = $2, ring = ring + 1
where endpoint_id = $1

-- name: disable_lane
update endpoint_lanes set paused_until = 'infinity', alarm = null where endpoint_id = $1

-- name: delete
-- With its keys and headers; sent again, it finds what it deleted.
update endpoints set deleted_at = coalesce(deleted_at, $3), secrets = '{}', secret_ends = '{}', headers = null, state = 'disabled',
    disabled_for = 'request', reason = 'deleted', failing_since = null, failing_told = 0, version = version + 1, updated_at = $3
where id = $1 and ($2::text is null or customer_id = $2) returning *

-- name: delete_feed
delete from ordered_feeds where endpoint_id = $1

-- name: delete_lane
delete from endpoint_lanes where endpoint_id = $1
