-- name: insert
-- Sent again when the reply was lost, it finds the row it made.
insert into customers (id, name, created_at) values ($1, $2, $3)
on conflict (id) do update set id = excluded.id returning *

-- name: get
select * from customers where id = $1

-- name: set_quota
update customers set media_bytes_max = $2, media_files_max = $3 where id = $1 returning *

-- name: page
select * from customers where ($1::text is null or id < $1) order by id desc limit $2
