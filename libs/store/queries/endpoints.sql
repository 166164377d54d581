-- name: insert
with made as (
    insert into endpoints (id, customer_id, url, events, state, secrets, description, timeout_s, created_at, updated_at)
    values ($1, $2, $3, $4, 'enabled', $5, $6, $7, $8, $8) returning *
), lane as (
    insert into endpoint_lanes (endpoint_id) values ($1)
)
select * from made

-- name: get
select * from endpoints where id = $1 and ($2::text is null or customer_id = $2)

-- name: get_many
select * from endpoints where id = any($1::text[])

-- name: page
select * from endpoints where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
order by id desc limit $3

-- name: change
update endpoints set url = coalesce($3, url), events = coalesce($4, events), description = coalesce($5, description),
    timeout_s = coalesce($6, timeout_s), version = version + 1, updated_at = $7
where id = $1 and ($2::text is null or customer_id = $2) returning *

-- name: enable
update endpoints set state = 'enabled', reason = null, failing_since = null, version = version + 1, updated_at = $3
where id = $1 and ($2::text is null or customer_id = $2) returning *

-- name: disable
update endpoints set state = 'disabled', reason = $3, version = version + 1, updated_at = $4
where id = $1 and ($2::text is null or customer_id = $2) returning *

-- name: enable_lane
update endpoint_lanes set paused_until = null, alarm = $2, ring = ring + 1 where endpoint_id = $1

-- name: disable_lane
update endpoint_lanes set paused_until = 'infinity', alarm = null where endpoint_id = $1
