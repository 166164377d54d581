-- name: connect
-- A reconnect keeps the account's id and starts a new grant; tokens of the old one are gone with it.
with made as (
insert into accounts as a (id, customer_id, client_key, open_id, username, display_name, scopes, state, granted_at,
                           access_token, refresh_token, refresh_hash, access_expires_at, refresh_expires_at, alarm,
                           created_at, updated_at, wanted)
values ($1, $2, $3, $4, $5, $6, $7, 'connected', $8, $9, $10, $11, $12, $13, $14, $8, $8, $15)
on conflict (customer_id, client_key, open_id) do update
set username = coalesce(excluded.username, a.username), display_name = coalesce(excluded.display_name, a.display_name),
    scopes = excluded.scopes, wanted = excluded.wanted, state = 'connected', reason = null, grant_n = a.grant_n + 1, granted_at = excluded.granted_at,
    access_token = excluded.access_token, refresh_token = excluded.refresh_token, refresh_hash = excluded.refresh_hash,
    access_expires_at = excluded.access_expires_at, refresh_expires_at = excluded.refresh_expires_at,
    refreshes_failed = 0, alarm = excluded.alarm, version = a.version + 1, updated_at = excluded.updated_at
returning *
), counted as (
    -- Its numbers are wanted from now on, and what its videos' were waiting for has come.
    insert into watches (subject, account_id, customer_id, since, alarm) select id, id, customer_id, $8, $8 from made
    on conflict (subject, tiktok_post_id) do update set alarm = excluded.alarm
)
select * from made

-- name: get
select a.*, p.audited as app_audited from accounts a left join apps p using (client_key)
where a.id = $1 and ($2::text is null or a.customer_id = $2)
  and ($3::text[] is null or a.id = any($3)) and a.id <> all($4::text[])

-- name: get_many
select a.*, p.audited as app_audited from accounts a left join apps p using (client_key)
where a.id = any($1::text[]) and ($2::text is null or a.customer_id = $2)

-- name: page
select a.*, p.audited as app_audited from accounts a left join apps p using (client_key)
where ($1::text is null or a.customer_id = $1) and ($2::text is null or a.id < $2)
  and ($4::text[] is null or a.id = any($4)) and a.id <> all($5::text[])
  and ($6::text is null or a.state = $6) and ($7::text is null or a.open_id = $7)
  and ($8::text is null or lower(a.username) = lower($8))
order by a.id desc limit $3

-- name: hold_group
select from groups where id = $1 and customer_id = $2 for update

-- name: place
update accounts set group_id = $2, version = version + 1, updated_at = $3
where id = $1 and not exists (select from accounts where group_id = $2 and id <> $1)
returning *

-- name: unplace
update accounts set group_id = null, version = version + 1, updated_at = $2 where id = $1 returning *

-- name: shared
select exists (select from accounts where client_key = $1 and open_id = $2 and id <> $3 and state = 'connected')

-- name: by_open_id
select * from accounts where client_key = $1 and open_id = $2

-- name: claim_refresh
update accounts a set alarm = $2
where a.id = any(array(select id from accounts where alarm <= $1 order by alarm limit $3 for update skip locked))
returning a.*

-- name: lease_refresh
-- One refresher per account: whoever gets the row back. `$2` now, `$3` the end of the lease. A planned refresh that is
-- further away stays where it is: the lease may turn out not to be needed, and one that was comes back by its next use.
update accounts set alarm = greatest(alarm, $3), refreshing_until = $3
where id = $1 and state = 'connected' and (refreshing_until is null or refreshing_until <= $2)
returning *

-- name: release_refresh
update accounts set refreshing_until = null where id = $1 and refreshing_until = $2

-- name: refreshed
-- Guarded by the grant and by the refresh token that was used: a late success is kept, a reconnect is not overwritten.
with held as (select id, state, updated_at from accounts where id = $1 for update)
update accounts a
set access_token = $4, refresh_token = $5, refresh_hash = $6, access_expires_at = $7,
    refresh_expires_at = coalesce($8, a.refresh_expires_at), scopes = coalesce($9, a.scopes), refreshes_failed = 0,
    alarm = $10, refreshing_until = null, state = 'connected', reason = null, version = a.version + 1, updated_at = $11
from held
where a.id = held.id and a.grant_n = $2 and a.refresh_hash = $3 and a.state <> 'disconnected'
returning a.*, held.state as was, held.updated_at as was_at

-- name: refresh_failed
update accounts set alarm = $4, refreshing_until = null, refreshes_failed = refreshes_failed + 1, reason = $5, updated_at = $6
where id = $1 and grant_n = $2 and refresh_hash = $3 and state = 'connected'
  and (refreshing_until is null or refreshing_until = $7)
returning *

-- name: reauthorize
-- Only if the stored refresh token is still the one TikTok refused.
update accounts set state = 'reauthorization_required', reason = $4, alarm = null, refreshing_until = null,
    version = version + 1, updated_at = $5
where id = $1 and grant_n = $2 and refresh_hash = $3 and state = 'connected'
returning *

-- name: disconnect
update accounts set state = 'disconnected', reason = $3, alarm = null, refreshing_until = null,
    access_token = $5, refresh_token = $5, version = version + 1, updated_at = $4
where id = $1 and grant_n = $2 and state <> 'disconnected'
returning *

-- name: wake_posts
-- The account changed: every unfinished post of it looks again, in the order in which posts are locked everywhere.
update posts p set alarm = $2, in_lane = false, version = version + 1
from (
    select id from posts where account_id = $1
    and state in ('scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed') order by id for update
) held
where p.id = held.id

-- name: look_again
-- The account can be asked about once more: what nobody could confirm is looked at, and numbers are taken again, also of what
-- is being counted by somebody who may have read that it cannot be. Posts being driven are left alone.
with counted as (
    update watches w set alarm = $2 from (
        select subject, tiktok_post_id from watches where account_id = $1 and (alarm is null or alarm > $2)
        order by subject, tiktok_post_id for update
    ) mine
    where w.subject = mine.subject and w.tiktok_post_id = mine.tiktok_post_id
)
update posts p set alarm = $2, version = version + 1
from (select id from posts where account_id = $1 and state = 'unconfirmed' order by id for update) held
where p.id = held.id

-- name: take
-- One slot of the sliding minute, if one is free. `$3` now, `$4` limit, `$5` when the slot frees itself if the caller dies.
insert into budgets as b (account_id, call, busy) values ($1, $2, array[$5::timestamptz])
on conflict (account_id, call) do update
set busy = array_append(array(select u from unnest(b.busy) as u where u > $3 order by u), $5)
where (b.blocked_until is null or b.blocked_until <= $3)
  and (select count(*) from unnest(b.busy) as u where u > $3) < $4
returning true

-- name: free_at
select greatest(
    blocked_until,
    (select u from unnest(busy) as u where u > $3 order by u desc offset $4 - 1 limit 1)
) from budgets where account_id = $1 and call = $2

-- name: give_back
update budgets set busy[array_position(busy, $3::timestamptz)] = $4::timestamptz
where account_id = $1 and call = $2 and array_position(busy, $3::timestamptz) is not null

-- name: block
update budgets set blocked_until = greatest(blocked_until, $3) where account_id = $1 and call = $2
