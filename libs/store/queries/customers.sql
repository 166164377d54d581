-- name: insert
-- Sent again when the reply was lost, it finds the row it made.
insert into customers (id, name, created_at) values ($1, $2, $3)
on conflict (id) do update set id = excluded.id returning *

-- name: get
select * from customers where id = $1

-- name: change
-- `$2`, `$7` null and `$3`, `$5` false: that stays as it is.
update customers set name = coalesce($2, name), media_bytes_max = case when $3 then $4 else media_bytes_max end,
    media_files_max = case when $5 then $6 else media_files_max end,
    strict_disclosure = coalesce($7, strict_disclosure)
where id = $1 returning *

-- name: page
select * from customers where ($1::text is null or id < $1) order by id desc limit $2
