-- Posts listed, newest first. One statement for each way in: one for all would be planned for none. None of them reads past
-- what it shows: where posts are chosen by state, kind or account, each of these places in the index gives its newest ids, of
-- which the newest of all are shown. `$1` to `$3`: ids from and below, how many.

-- name: of_all
select * from posts where id >= $1 and id < $2 order by id desc limit $3

-- name: of_customer
select * from posts where customer_id = $4 and id >= $1 and id < $2 and account_id <> all($5::text[]) order by id desc limit $3

-- name: of_batch
select * from posts
where batch_id = $4 and id >= $1 and id < $2 and ($5::text is null or customer_id = $5)
  and state = any($6::text[]) and kind = any($7::text[])
  and ($8::text[] is null or account_id = any($8)) and account_id <> all($9::text[])
order by id desc limit $3

-- name: of_key
select * from posts
where idempotency_key = $4 and customer_id = $5 and id >= $1 and id < $2
  and state = any($6::text[]) and kind = any($7::text[])
  and ($8::text[] is null or account_id = any($8)) and account_id <> all($9::text[])
  and ($10::text is null or batch_id = $10)
order by id desc limit $3

-- name: states_of_all
select p.* from posts p where p.id = any(array(
    select found.id from unnest($4::text[]) as s (state), unnest($5::text[]) as k (kind), lateral (
        select id from posts
        where state = s.state and kind = k.kind and id >= $1 and id < $2 order by id desc limit $3
    ) found
    order by found.id desc limit $3
))
order by p.id desc

-- name: states_of_customer
select p.* from posts p where p.id = any(array(
    select found.id from unnest($4::text[]) as s (state), unnest($5::text[]) as k (kind), lateral (
        select id from posts
        where customer_id = $6 and state = s.state and kind = k.kind and id >= $1 and id < $2
          and account_id <> all($7::text[])
        order by id desc limit $3
    ) found
    order by found.id desc limit $3
))
order by p.id desc

-- name: states_of_accounts
select p.* from posts p where p.id = any(array(
    select found.id from unnest($6::text[]) as a (account_id), unnest($4::text[]) as s (state), unnest($5::text[]) as k (kind),
    lateral (
        select id from posts
        where account_id = a.account_id and state = s.state and kind = k.kind and id >= $1 and id < $2
        order by id desc limit $3
    ) found
    order by found.id desc limit $3
)) and ($7::text is null or p.customer_id = $7)
order by p.id desc

-- name: batch
select b.*, s.states from batches b, lateral (
    select jsonb_object_agg(c.state, c.n) as states from (
        select state, count(*) as n from posts
        where batch_id = b.id and ($3::text[] is null or account_id = any($3)) and account_id <> all($4::text[])
        group by state
    ) c
) s
where b.id = $1 and ($2::text is null or b.customer_id = $2) and s.states is not null

-- name: batches
select b.*, s.states from (
    select * from batches where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
    order by id desc limit $3
) b, lateral (
    select jsonb_object_agg(c.state, c.n) as states from (
        select state, count(*) as n from posts where batch_id = b.id group by state
    ) c
) s
where s.states is not null
order by b.id desc

-- name: published
select a.account_id, counted.count from unnest($1::text[]) as a (account_id), lateral (
    select count(*)::int as count from (
        select from posts where account_id = a.account_id and state = 'published' limit $2
    ) found
) counted

-- name: held
select id from accounts where customer_id = $1 and group_id is not null
  and ($3::text[] is null or id = any($3)) and id <> all($4::text[]) order by id limit $2
