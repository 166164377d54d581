-- name: begin
insert into connects (state_hash, customer_id, client_key, redirect_uri, scopes, verifier, account_id, group_id, made_by,
                      created_at, expires_at, link_hash)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
where $12::bytea is null
   or (select count(*) from connects where link_hash = $12 and used_at is null and expires_at > $10) < $13
returning true

-- name: claim
update connects set used_at = $4
where state_hash = $1 and redirect_uri = $2 and ($3::text is null or customer_id = $3)
  and used_at is null and expires_at > $4
returning *

-- name: get
select * from connects where state_hash = $1

-- name: forget
delete from connects where ctid = any(array(select ctid from connects where expires_at < $1 limit $2))

-- name: invite
insert into reconnect_links (token_hash, customer_id, account_id, client_key, redirect_uri, scopes, always_ask, grant_n,
                             made_by, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: invitation
select links.*, accounts.grant_n as granted from reconnect_links links join accounts on accounts.id = links.account_id
where links.token_hash = $1

-- name: withdraw
delete from reconnect_links where account_id = $1

-- name: forget_links
delete from reconnect_links where ctid = any(array(select ctid from reconnect_links where expires_at < $1 limit $2))
