-- name: grant
-- In the transaction of the guarded save that intends the init.
insert into pulls (post_id, n, token_hash, media, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)

-- name: find
-- What a token serves now: nothing once it is revoked, has ended, or its publication cannot need it any more.
select u.post_id, u.n, m.key, m.size, m.content_type
from pulls u
join publications p on p.post_id = u.post_id and p.n = u.n
join posts o on o.id = u.post_id
join media m on m.id = u.media[$2::int + 1]
where u.token_hash = $1 and u.revoked_at is null and u.expires_at > $3 and p.state <> 'abandoned'
  and o.state in ('initializing', 'processing', 'unconfirmed')

-- name: fetched
-- Before the first byte. Waits for a revocation under way, and then finds the row revoked.
update pulls set fetches = fetches + 1, fetched_at = coalesce(fetched_at, $2)
where token_hash = $1 and revoked_at is null and expires_at > $2
returning fetches

-- name: revoke_unfetched
-- Waits for a fetch that is being recorded. A row that comes back was never fetched and never will be.
update pulls set revoked_at = coalesce(revoked_at, $3) where post_id = $1 and n = $2 and fetched_at is null
returning 1 as proven

-- name: unresolved
-- The pull init of the account's creator whose publish id nobody knows.
select p.post_id, p.intent_at from publications p
where p.pulled_for = (select a.client_key || ' ' || a.open_id from accounts a where a.id = $1)
  and p.publish_id is null and p.state = 'intended'

-- name: lost
-- Every pull init of a creator since $2 that never had a publish id: at most one of them is still intended.
select post_id, n, state, intent_at from publications
where pulled_for = $1 and publish_id is null and intent_at >= $2
order by intent_at

-- name: strangers
-- Publish ids that were heard of, for a creator, and that are nobody's.
select f.publish_id, f.kind from facts f
where f.client_key = $1 and f.open_id = $2 and f.publish_id <> '' and f.settled_at is null and f.create_time >= $3
  and not exists (select from publications p where p.publish_id = f.publish_id)

-- name: wake_strangers
-- An init has become unresolved: what was heard before it may be about it.
update facts f set alarm = $2, tries = 0
from accounts a
where a.id = $1 and f.client_key = a.client_key and f.open_id = a.open_id and f.publish_id <> '' and f.settled_at is null

-- name: taken
-- Which of these videos are known to be posts of ours.
select distinct tiktok_post_id from news where tiktok_post_id <> '' and tiktok_post_id = any($1::text[])

-- name: ours
-- Which posts of an account these videos are.
select distinct on (n.tiktok_post_id) n.tiktok_post_id, n.post_id
from news n join posts p on p.id = n.post_id
where n.tiktok_post_id <> '' and n.tiktok_post_id = any($1::text[]) and p.account_id = $2
order by n.tiktok_post_id, n.post_id

-- name: unnamed
-- Posts to the same creator, whoever's, that may be out since $4 and have no public id: what is seen may be one of them.
-- The condition is the index's, word for word.
select o.request ->> 'title' as title, o.request ->> 'description' as description
from accounts a join posts o on o.account_id = a.id
where a.client_key = $1 and a.open_id = $2 and o.id <> $3
  and o.public_post_ids = '{}' and o.state in ('initializing', 'uploading', 'processing', 'unconfirmed', 'in_inbox', 'published')
  and (o.request ->> 'privacy_level' = 'PUBLIC_TO_EVERYONE' or o.request ->> 'mode' = 'inbox')
  and exists (select from publications p where p.post_id = o.id and p.intent_at >= $4)
limit $5

-- name: of_video
-- The publication of which this video is known, and the publish id is not.
select n.post_id, n.publication as n
from news n
join publications p on p.post_id = n.post_id and p.n = n.publication
join posts o on o.id = n.post_id
join accounts a on a.id = o.account_id
where n.tiktok_post_id <> '' and n.tiktok_post_id = $3 and n.kind = 'public' and p.publish_id is null
  and a.client_key = $1 and a.open_id = $2
limit 2
