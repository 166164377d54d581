-- name: insert
insert into customers (id, name, created_at) values ($1, $2, $3) returning *

-- name: get
select * from customers where id = $1

-- name: set_quota
update customers set media_bytes_max = $2, media_files_max = $3 where id = $1 returning *

-- name: page
select * from customers where ($1::text is null or id < $1) order by id desc limit $2

-- name: insert_key
insert into keys (id, customer_id, name, hash, grants, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7) returning *

-- name: ensure_key
insert into keys (id, customer_id, name, hash, grants, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (hash) do nothing returning id

-- name: key_by_hash
select * from keys where hash = $1

-- name: page_keys
select * from keys where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
order by id desc limit $3

-- name: revoke_key
update keys set revoked_at = coalesce(revoked_at, $3) where id = $1 and ($2::text is null or customer_id = $2) returning *

-- name: used_keys
update keys set last_used_at = greatest(last_used_at, $2) where id = any($1::text[])
