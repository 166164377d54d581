-- name: claim
-- Takes a name that is new or whose time is over, and one that nobody holds any more for the very same request: that one
-- goes on with the seed and the time it was begun with.
insert into idempotency as i (key_id, name, request_hash, seed, holder, held_until, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (key_id, name) do update
set request_hash = excluded.request_hash, holder = excluded.holder, held_until = excluded.held_until, answer = null,
    seed = case when i.expires_at <= $7 then excluded.seed else i.seed end,
    created_at = case when i.expires_at <= $7 then excluded.created_at else i.created_at end,
    expires_at = case when i.expires_at <= $7 then excluded.expires_at else i.expires_at end
where i.expires_at <= $7 or (i.answer is null and i.held_until <= $7 and i.request_hash = excluded.request_hash)
returning seed, created_at

-- name: get
select request_hash, answer from idempotency where key_id = $1 and name = $2

-- name: hold
update idempotency set held_until = $4 where key_id = $1 and name = $2 and holder = $3 and answer is null returning true

-- name: keep
update idempotency set answer = $4 where key_id = $1 and name = $2 and holder = $3 and answer is null returning true

-- name: drop
delete from idempotency where key_id = $1 and name = $2 and holder = $3 and answer is null

-- name: forget
delete from idempotency where ctid = any(array(select ctid from idempotency where expires_at <= $1 limit $2))
