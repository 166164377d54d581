-- name: lock_quota
-- One at a time per customer, so that two uploads cannot both take the last room.
select pg_advisory_xact_lock(7411002, hashtext($1))

-- name: usage
-- What a customer keeps; files made from others do not count.
select count(m.id) as files, coalesce(sum(m.size), 0)::bigint as bytes, c.media_files_max, c.media_bytes_max
from customers c left join media m on m.customer_id = c.id and m.state = 'ready' and m.made_from is null
where c.id = $1 group by c.id

-- name: insert
-- Sent again when the reply was lost, it finds the row it made, and waits for it if it is still being made. What was on its way
-- has arrived.
with arrived as (delete from arrivals where id = $1)
insert into media (id, customer_id, state, key, size, sha256, content_type, probe, created_at, origin, made_from, cover_ms)
values ($1, $2, 'ready', $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (id) do update set id = excluded.id returning *

-- name: get
select * from media where id = $1 and ($2::text is null or customer_id = $2)

-- name: by_origin
select * from media where origin = $1

-- name: use
-- A post needs these: they stay. Written at most once an hour.
with found as (
    update media set used_at = $3
    where id = any($1) and customer_id = $2 and state = 'ready'
        and coalesce(used_at, '-infinity') < $3::timestamptz - interval '1 hour'
    returning *
)
select * from found
union all
select m.* from media m where m.id = any($1) and m.customer_id = $2 and m.state = 'ready'
    and not exists (select from found f where f.id = m.id)

-- name: page
select * from media where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2) and deleted_at is null
order by id desc limit $3

-- name: aged
-- Files nobody has needed for long, oldest first. Whether an unfinished post still needs one is seen here.
with old as (
    select id, customer_id from media
    where state = 'ready' and coalesce(used_at, created_at) < greatest($1::timestamptz, $2::timestamptz)
        and case when used_at is null then created_at < $2 else used_at < $1 end
    order by coalesce(used_at, created_at) limit $3
), needed as (
    select sent.id from posts p, unnest(p.photos || p.media_id) as sent (id)
    where p.customer_id in (select customer_id from old) and sent.id is not null
        and p.state in ('draft', 'scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed')
    union
    select named.id from posts p, jsonb_array_elements_text(
        coalesce(p.request->'media', '[]') || coalesce(p.request->'cover', '[]')) as named (id)
    where p.customer_id in (select customer_id from old)
        and p.state in ('draft', 'scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed')
)
select old.id, old.id in (select id from needed) as needed from old

-- name: keep
update media set used_at = $2 where id = any($1) and state = 'ready'

-- name: expire
-- Unless somebody needed it meanwhile. Its renditions go with the file they made.
with gone as (
    update media set state = 'expired', alarm = $4, origin = null
    where id = any($1) and state = 'ready' and coalesce(used_at, created_at) < greatest($2::timestamptz, $3::timestamptz)
    returning id
), forgotten as (
    delete from renditions where made_id in (select id from gone)
)
select id from gone

-- name: family
-- The file and whatever conversion made of it, directly or not, of one customer.
with recursive family as (
    select id, customer_id from media where id = $1 and ($2::text is null or customer_id = $2)
    union
    select m.id, m.customer_id from media m join family f on m.customer_id = f.customer_id and m.made_from = f.id
)
select id, customer_id from family

-- name: hold_family
select id from media where id = any($1::text[]) order by id for update

-- name: needing
-- Posts that are not done and name one of these, the oldest few.
select p.id from posts p
where p.customer_id = $2
  and p.state in ('draft', 'scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed')
  and (p.media_id = any($1::text[]) or p.photos && $1::text[] or exists (
       select from jsonb_array_elements_text(coalesce(p.request->'media', '[]') || coalesce(p.request->'cover', '[]')) as named (id)
       where named.id = any($1::text[])))
order by p.id limit 10

-- name: delete
with gone as (
    update media set state = 'expired', alarm = case when state = 'ready' then $2 else alarm end, origin = null,
        deleted_at = coalesce(deleted_at, $2)
    where id = any($1::text[]) returning id
), forgotten as (
    delete from renditions where made_id in (select id from gone)
        or (media_id in (select id from gone) and state <> 'making')
)
select id from gone

-- name: claim_leaving
update media set alarm = $2 where id = any(array(
    select id from media where alarm <= $1 order by alarm limit $3 for update skip locked))
returning id, key

-- name: left
update media set alarm = null where id = any($1)

-- name: orphans
-- Of these keys, those of customers of ours under which nothing of theirs is kept.
select k.key from unnest($1::text[]) as k (key)
where exists (select from customers c where c.id = split_part(k.key, '/', 1))
    and not exists (select from media m where m.key = k.key and (m.state = 'ready' or m.alarm is not null))

-- name: renditions_of
select *, false as ours from renditions where media_id = any($1::text[]) order by media_id, recipe

-- name: get_rendition
select *, false as ours from renditions where media_id = $1 and recipe = $2

-- name: claim_rendition
-- The row of this file and recipe, and whether it is now ours to make: new, or its maker's lease has ended.
with mine as (
    insert into renditions (media_id, recipe, state, alarm, created_at, updated_at) values ($1, $2, 'making', $4, $3, $3)
    on conflict (media_id, recipe) do update set alarm = excluded.alarm, version = renditions.version + 1,
        updated_at = excluded.updated_at
        where renditions.state = 'making' and renditions.alarm <= $3
    returning *
)
select *, true as ours from mine
union all
select *, false from renditions where media_id = $1 and recipe = $2 and not exists (select from mine)

-- name: renew_rendition
update renditions set alarm = $4 where media_id = $1 and recipe = $2 and version = $3 and state = 'making' returning version

-- name: release_rendition
update renditions set alarm = $4, updated_at = $4 where media_id = $1 and recipe = $2 and version = $3 and state = 'making'

-- name: finish_rendition
update renditions set state = $4, alarm = null, made_id = $5, changes = $6, problem = $7, updated_at = $8
where media_id = $1 and recipe = $2 and version = $3 and state = 'making' returning version
