-- name: insert
-- Sent again when the reply was lost, it finds the row it made.
insert into apps (id, customer_id, client_key, secrets, audited, created_at, updated_at)
select $1, $2, $3, $4, $5, $6, $6
where not exists (select from apps where (customer_id = $2 or client_key = $3) and id <> $1)
on conflict (id) do update set id = excluded.id returning *

-- name: get
select * from apps where id = $1 and ($2::text is null or customer_id = $2)

-- name: of_customer
select * from apps where customer_id = $1

-- name: page
select * from apps where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
order by id desc limit $3

-- name: change
update apps set secrets = coalesce($2::bytea[], secrets), audited = coalesce($3, audited), updated_at = $4
where id = $1 returning *

-- name: secrets
select secrets from apps where client_key = $1

-- name: insert_group
insert into groups as g (id, customer_id, name, created_at) values ($1, $2, $3, $4)
on conflict (id) do update set id = excluded.id
returning *, (select a.id from accounts a where a.group_id = g.id) as account_id

-- name: get_group
select g.*, a.id as account_id from groups g left join accounts a on a.group_id = g.id
where g.id = $1 and ($2::text is null or g.customer_id = $2)

-- name: page_groups
select g.*, a.id as account_id from groups g left join accounts a on a.group_id = g.id
where ($1::text is null or g.customer_id = $1) and ($2::text is null or g.id < $2)
order by g.id desc limit $3

-- name: rename_group
update groups g set name = $3 where id = $1 and ($2::text is null or customer_id = $2)
returning *, (select a.id from accounts a where a.group_id = g.id) as account_id

-- name: delete_group
delete from groups where id = $1 and ($2::text is null or customer_id = $2)
