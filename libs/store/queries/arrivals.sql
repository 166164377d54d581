-- name: usage
-- What is promised of a customer's files on their way: their number, and the bytes that are known.
select count(*) as files, coalesce(sum(greatest(size, received)), 0)::bigint as bytes
from arrivals where customer_id = $1 and state <> 'failed'

-- name: insert
-- Sent again when the reply was lost, it finds the row it made; its address is then the one that is shown now.
insert into arrivals (id, customer_id, state, url, token_hash, size, sha256, alarm, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
on conflict (id) do update set token_hash = case when arrivals.state = 'awaited' then excluded.token_hash end
returning *

-- name: get
select * from arrivals where id = $1 and ($2::text is null or customer_id = $2)

-- name: coming
select id from arrivals where id = any($1::text[]) and customer_id = $2

-- name: page
-- But for those that were called off.
select * from arrivals where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
    and problem->>'code' is distinct from 'deleted'
order by id desc limit $3

-- name: awaited
select * from arrivals where token_hash = $1 and state = 'awaited' and alarm > $2

-- name: received
-- By the address: how much of it has come so far.
update arrivals set received = $2, updated_at = $3 where token_hash = $1 and state = 'awaited' returning id

-- name: sent
-- All of it came; its address is used up.
update arrivals set received = size, token_hash = null, updated_at = $2 where token_hash = $1 and state = 'awaited' returning id

-- name: check_now
-- Another version: whoever has just found it late must not fail it.
update arrivals set state = 'checking', version = version + 1, token_hash = null, received = 0, expected = size, alarm = $2, updated_at = $2
where id = $1 and state = 'awaited' returning *

-- name: claim
update arrivals set alarm = $2, version = version + 1, updated_at = $1 where id = any(array(
    select id from arrivals where alarm <= $1 order by alarm limit $3 for update skip locked))
returning *

-- name: hold
update arrivals set alarm = $3, received = $4, expected = $5, updated_at = $6 where id = $1 and version = $2 and state <> 'failed'
returning id

-- name: again
update arrivals set alarm = $3, tries = tries + $4, received = 0, updated_at = $5
where id = $1 and version = $2 and state <> 'failed' returning id

-- name: fail
update arrivals set state = 'failed', alarm = null, url = null, token_hash = null, problem = $3, updated_at = $4
where id = $1 and version = $2 and state <> 'failed' returning id

-- name: call_off
update arrivals set state = 'failed', alarm = null, url = null, token_hash = null, problem = $2, updated_at = $3,
    version = version + 1
where id = $1 and state in ('awaited', 'failed') returning *

-- name: forget
delete from arrivals where id = any(array(
    select id from arrivals where state = 'failed' and updated_at < $1 order by updated_at limit $2))
