-- name: record
insert into audit (id, at, customer_id, key_id, who, action, subject, decision, sentence, detail, request_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: page
select * from audit
where ($1::text is null or customer_id = $1) and ($2::text is null or id < $2)
  and ($3::text is null or key_id = $3) and ($4::text is null or decision = $4) and ($5::text is null or action = $5)
  and ($7::text is null or (subject = $7 and subject <> '')) and id >= $8
order by id desc limit $6

-- name: get
select * from audit where id = $1 and ($2::text is null or customer_id = $2)

-- name: forget
delete from audit where ctid = any(array(select ctid from audit where at < $1 limit $2))
