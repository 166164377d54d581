-- name: insert
-- Sent again because the answer was lost, it gives the same key the secret that is shown now.
insert into keys (id, customer_id, name, hash, grants, created_at, expires_at, rate_per_minute)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do update set hash = excluded.hash

-- name: ensure
insert into keys (id, customer_id, name, hash, grants, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (hash) do nothing returning id

-- name: by_hash
-- With the account that each grant for one account or group is about now: who left a group is out of reach at once.
select k.*, k.hash <> $1 as former, s.scoped from keys k, lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
        'account_id', g.account_id, 'group_id', g.group_id, 'capability', g.capability, 'level', g.level,
        'holds', coalesce(g.account_id, a.id)
    ) order by g.account_id, g.group_id, g.capability), '[]') as scoped
    from key_grants g left join accounts a on a.group_id = g.group_id where g.key_id = k.id) s
where k.hash = $1 or k.previous_hash = $1

-- name: get
select k.*, false as former, s.scoped from keys k, lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
        'account_id', g.account_id, 'group_id', g.group_id, 'capability', g.capability, 'level', g.level,
        'holds', coalesce(g.account_id, a.id)
    ) order by g.account_id, g.group_id, g.capability), '[]') as scoped
    from key_grants g left join accounts a on a.group_id = g.group_id where g.key_id = k.id) s
where k.id = $1 and ($2::text is null or k.customer_id = $2)

-- name: count
select count(*) from keys where customer_id is not distinct from $1 and id <> $2 and revoked_at is null
    and (expires_at is null or expires_at > $3)

-- name: page
select k.*, false as former, s.scoped from keys k, lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
        'account_id', g.account_id, 'group_id', g.group_id, 'capability', g.capability, 'level', g.level,
        'holds', coalesce(g.account_id, a.id)
    ) order by g.account_id, g.group_id, g.capability), '[]') as scoped
    from key_grants g left join accounts a on a.group_id = g.group_id where g.key_id = k.id) s
where ($1::text is null or k.customer_id = $1) and ($2::text is null or k.id < $2)
order by k.id desc limit $3

-- name: change
update keys set name = $2, grants = $3, expires_at = $4, rate_per_minute = $5 where id = $1

-- name: rotate
-- The former secret is good until `$3`; one that was good before it is over at once.
update keys set previous_hash = hash, previous_until = $3, hash = $2 where id = $1

-- name: clear_scoped
delete from key_grants where key_id = $1

-- name: insert_scoped
insert into key_grants (key_id, account_id, group_id, capability, level)
select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[])

-- name: unknown_places
-- Of these accounts and groups, those that this customer has not.
select place from unnest($1::text[]) as place
where not exists (select from accounts a where a.id = place and ($2::text is null or a.customer_id = $2))
  and not exists (select from groups g where g.id = place and ($2::text is null or g.customer_id = $2))

-- name: revoke
update keys set revoked_at = coalesce(revoked_at, $3) where id = $1 and ($2::text is null or customer_id = $2)

-- name: used
update keys set last_used_at = greatest(last_used_at, $2) where id = any($1::text[])
