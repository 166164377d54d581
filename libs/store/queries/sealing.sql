-- name: lock
-- One at a time says which keys are in use, and goes through what is sealed.
select pg_advisory_xact_lock(7411003)

-- name: try_lock
select pg_try_advisory_xact_lock(7411003)

-- name: keys
select id, since, retired_at from sealing_keys order by since, id

-- name: know_key
insert into sealing_keys (id, since) values ($1, $2)
on conflict (id) do update set retired_at = null where sealing_keys.retired_at is not null

-- name: retire
update sealing_keys set retired_at = $2
where retired_at is null and id <> all($1::text[]) and id not in (select seals from sealers where until > $2)
returning id

-- name: beat
insert into sealers (id, program, seals, opens, until) values ($1, $2, $3, $4, $5)
on conflict (id) do update set until = excluded.until

-- name: leave
delete from sealers where id = $1 or until < $2

-- name: sealers
select id, program, seals, opens from sealers where until > $1 order by program, id

-- name: counts
-- How many values each key seals, by the table they are in.
select place, key, count(*) as values from (
    select 'accounts' as place, sealed_with(value) as key
    from accounts, unnest(array[access_token, refresh_token]) as value
    union all
    select 'apps', sealed_with(value) from apps, unnest(secrets) as value
    union all
    select 'arrivals', sealed_with(url) from arrivals where url is not null
    union all
    select 'connects', sealed_with(verifier) from connects where verifier is not null
    union all
    select 'endpoints', sealed_with(value) from endpoints, unnest(secrets || headers) as value where value is not null
    union all
    select 'idempotency', sealed_with(answer) from idempotency where answer is not null
    union all
    select 'posts', sealed_with(sources) from posts where sources is not null
    union all
    select 'publications', sealed_with(upload_url) from publications where upload_url is not null
) as sealed
group by place, key order by place, key

-- Of each table with something sealed: the rows after a place with a value under another key than $1, and the guarded
-- save. A row is its key and its sealed values, in the same order in both.

-- name: read_accounts
select array[id] as row, array[access_token, refresh_token] as sealed from accounts
where ($2::text[] is null or id > $2[1]) and (sealed_with(access_token) <> $1 or sealed_with(refresh_token) <> $1)
order by id limit $3

-- name: save_accounts
update accounts set access_token = ($3::bytea[])[1], refresh_token = ($3::bytea[])[2]
where id = ($1::text[])[1] and array[access_token, refresh_token] = $2::bytea[]

-- name: read_apps
select array[id] as row, secrets as sealed from apps
where ($2::text[] is null or id > $2[1]) and exists (select from unnest(secrets) as value where sealed_with(value) <> $1)
order by id limit $3

-- name: save_apps
update apps set secrets = $3::bytea[] where id = ($1::text[])[1] and secrets = $2::bytea[]

-- name: read_arrivals
select array[id] as row, array[url] as sealed from arrivals
where ($2::text[] is null or id > $2[1]) and url is not null and sealed_with(url) <> $1
order by id limit $3

-- name: save_arrivals
update arrivals set url = ($3::bytea[])[1] where id = ($1::text[])[1] and url = ($2::bytea[])[1]

-- name: read_connects
select array[encode(state_hash, 'hex')] as row, array[verifier] as sealed from connects
where ($2::text[] is null or state_hash > decode($2[1], 'hex')) and verifier is not null and sealed_with(verifier) <> $1
order by state_hash limit $3

-- name: save_connects
update connects set verifier = ($3::bytea[])[1]
where state_hash = decode(($1::text[])[1], 'hex') and verifier = ($2::bytea[])[1]

-- name: read_endpoints
-- The headers come last, or not at all.
select array[id] as row, array_remove(secrets || headers, null) as sealed from endpoints
where ($2::text[] is null or id > $2[1])
  and exists (select from unnest(secrets || headers) as value where value is not null and sealed_with(value) <> $1)
order by id limit $3

-- name: save_endpoints
update endpoints set secrets = ($3::bytea[])[1:cardinality(secrets)], headers = ($3::bytea[])[cardinality(secrets) + 1]
where id = ($1::text[])[1] and array_remove(secrets || headers, null) = $2::bytea[]

-- name: read_idempotency
select array[key_id, name] as row, array[answer] as sealed from idempotency
where ($2::text[] is null or (key_id, name) > ($2[1], $2[2])) and answer is not null and sealed_with(answer) <> $1
order by key_id, name limit $3

-- name: save_idempotency
update idempotency set answer = ($3::bytea[])[1]
where key_id = ($1::text[])[1] and name = ($1::text[])[2] and answer = ($2::bytea[])[1]

-- name: read_posts
select array[id] as row, array[sources] as sealed from posts
where ($2::text[] is null or id > $2[1]) and sources is not null and sealed_with(sources) <> $1
order by id limit $3

-- name: save_posts
update posts set sources = ($3::bytea[])[1] where id = ($1::text[])[1] and sources = ($2::bytea[])[1]

-- name: read_publications
select array[post_id, n::text] as row, array[upload_url] as sealed from publications
where ($2::text[] is null or (post_id, n) > ($2[1], $2[2]::int)) and upload_url is not null and sealed_with(upload_url) <> $1
order by post_id, n limit $3

-- name: save_publications
update publications set upload_url = ($3::bytea[])[1]
where post_id = ($1::text[])[1] and n = ($1::text[])[2]::int and upload_url = ($2::bytea[])[1]
