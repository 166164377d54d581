-- name: hold
-- The caps that bind this post, locked: admissions under one cap come one after the other.
select c.kind, c.most, c.full_until from caps c
where c.learned_at > $4
  and ((c.scope = $1 and c.kind = case when $3 then 'daily_posts' else 'pending_shares' end)
       or ($3 and c.scope = 'app:' || $2 and c.kind = 'active_users'))
order by c.scope, c.kind for update

-- name: client_key
select client_key, open_id from accounts where id = $1

-- name: uses
-- Inits of the account since `$3` that may count, but for the one that is asked about. A draft that was posted or has failed waits
-- no more.
select u.at from cap_uses u join posts p on p.id = u.post_id
where u.account_id = $1 and u.direct = $2 and u.at > $3 and (u.sure or not $5)
  and (u.post_id, u.n) <> ($4, $6::int) and (u.direct or p.state not in ('published', 'failed', 'cancelled'))
order by u.at

-- name: posters
-- The latest direct init of every other creator of the app since `$3`.
select max(u.at) as at from cap_uses u join accounts a on a.id = u.account_id
where a.client_key = $1 and a.open_id <> $2 and u.direct and u.at > $3 and (u.sure or not $4)
group by a.open_id order by 1

-- name: counted
-- Whether the creator is among those who have posted since `$3`.
select exists (
    select 1 from cap_uses u join accounts a on a.id = u.account_id
    where a.client_key = $1 and a.open_id = $2 and u.direct and u.sure and u.at > $3
)

-- name: ahead
-- The latest slots of the account's posts of the same mode that come before this one and are not counted as uses yet.
select p.slot_at as at from posts p, posts mine
where mine.id = $2 and p.account_id = $1 and p.slot_at is not null and p.state = 'queued'
  and (p.request->>'mode' = 'inbox') = not $3
  and not exists (select 1 from cap_uses u where u.post_id = p.id and u.n = p.publication + 1)
  and (coalesce(p.publish_at, p.created_at), p.id) < (coalesce(mine.publish_at, mine.created_at), mine.id)
order by p.slot_at desc limit $4

-- name: use
insert into cap_uses (post_id, n, account_id, direct, at) values ($1, $2, $3, $4, $5)
on conflict (post_id, n) do update set at = excluded.at

-- name: made
update cap_uses set sure = true, at = $3 where post_id = $1 and n = $2

-- name: release
delete from cap_uses where post_id = $1 and n = $2

-- name: learn
insert into caps (scope, kind, most, full_until, learned_at) values ($1, $2, $3, $4, $5)
on conflict (scope, kind) do update
set most = excluded.most, full_until = excluded.full_until, learned_at = excluded.learned_at

-- name: forget
delete from cap_uses where ctid = any(array(select ctid from cap_uses where at < $1 limit $2))
