-- name: known
-- The posts of an idempotency key, for the accounts named.
select * from posts where customer_id = $1 and idempotency_key = $2 and account_id = any($3::text[])

-- name: insert_batch
insert into batches (id, customer_id, total, unsettled, created_at) values ($1, $2, $3, $3, $4)

-- name: insert
-- One row per account; a race on the idempotency key inserts nothing and returns fewer rows.
with made as (
insert into posts (id, customer_id, account_id, batch_id, idempotency_key, request_hash, request, sources, state, alarm, in_lane,
                   media_id, photos, publish_at, publish_before, created_at, updated_at)
select p.id, p.customer_id, p.account_id, p.batch_id, p.idempotency_key, $2::bytea, p.request, decode(p.sources, 'hex'), p.state, p.alarm, p.in_lane,
       p.media_id, coalesce(p.photos, '{}'), p.publish_at, p.publish_before, p.created_at, p.created_at
from jsonb_to_recordset($1::jsonb) as p (
    id text, customer_id text, account_id text, batch_id text, idempotency_key text, request jsonb, sources text, state text,
    alarm timestamptz, in_lane boolean, media_id text, photos text[], publish_at timestamptz, publish_before timestamptz, created_at timestamptz)
on conflict (customer_id, idempotency_key, account_id) do nothing
returning *
), noted as (
    insert into timeline (post_id, at, kind, detail)
    select id, created_at, 'accepted', jsonb_build_object('state', state) from made order by id
)
select * from made

-- name: lock_account
-- One at a time who asks for what is like it, so that two of the same cannot both find nothing.
select pg_advisory_xact_lock(7411004, hashtext($1))

-- name: twins
-- The newest posts of an account with these words and so many media that go out or went out, not older than `$3`.
select * from posts
where account_id = $1 and state = any($2::text[]) and id >= $3 and kind = $4
  and jsonb_array_length(request->'media') = $5
  and coalesce(request->>'title', '') = $6 and coalesce(request->>'description', '') = $7 and request->>'mode' = $8
order by id desc limit $9

-- name: same_bytes
-- Files that are here, and the digest of their bytes: two uploads of one file are two ids.
select id, sha256 from media where id = any($1::text[]) and sha256 is not null

-- name: ring_lanes
-- Sorted, so that two saves never deadlock; `ring` tells a lane about to sleep that something came in.
insert into post_lanes (account_id, alarm, ring)
select account_id, min(alarm), 1 from unnest($1::text[], $2::timestamptz[]) as r (account_id, alarm)
group by account_id order by account_id
on conflict (account_id) do update
set ring = post_lanes.ring + 1, alarm = least(coalesce(post_lanes.alarm, excluded.alarm), excluded.alarm)

-- name: claim_due
-- Named by an array, here and below: joined with, a selection under a limit may be run again for each row it meets,
-- and then locks and returns more than the limit.
update posts p set alarm = $2, version = p.version + 1
where p.id = any(array(
    select id from posts where alarm <= $1 and not in_lane order by alarm limit $3 for update skip locked
))
returning p.*

-- name: next_alarm
-- When anything is due next, in a lane or not. Two ends of two indexes.
select least((select min(alarm) from posts where alarm is not null and not in_lane), (select min(alarm) from post_lanes))

-- name: hold_looks
-- Whoever gives a look its moment sees all moments given before, until its transaction ends. Taken before any row.
select pg_advisory_xact_lock(hashtextextended('looks:' || $1, 0))

-- name: looks
-- The moments of the account's other looks; `$3` now, `$4` as far ahead as they matter.
select alarm from posts
where account_id = $1 and id <> $2 and state = 'processing' and alarm > $3 and alarm < $4 order by alarm limit 200

-- name: young
-- Posts of the account that TikTok has had since `$2` and has not said how they ended.
select count(*) from posts p join publications u on u.post_id = p.id and u.n = p.publication
where p.account_id = $1 and p.state = 'processing' and coalesce(u.committing_at, u.intent_at) > $2

-- name: claim_lanes
-- The alarm set here is a lease: if the claimer dies between this and the next statement, another comes.
update post_lanes l set alarm = $2
where l.account_id = any(array(
    select account_id from post_lanes where alarm <= $1 order by alarm limit $3 for update skip locked
))
returning l.account_id, l.ring

-- name: claim_in_lane
update posts p set alarm = $3, version = p.version + 1, in_lane = false
where p.id = any(array(
    select id from posts where in_lane and account_id = $1 and alarm <= $2 order by alarm, id limit $4
    for update skip locked
))
returning p.*

-- name: rest_lane
-- A lane sleeps until `$3`, or until its next post is due when that is later; only if nothing rang since `$2` was read.
-- If something did, it is looked at again at once (`$4`): left at its lease, it would sleep through what it can do now.
-- Without a post it has no alarm (`greatest` over a `min` would skip the null): idle lanes crowd out those with work.
update post_lanes l
set alarm = case when l.ring <> $2 then least(l.alarm, $4) else (
    select greatest(p.alarm, $3) from posts p where p.in_lane and p.account_id = l.account_id order by p.alarm limit 1) end
where l.account_id = $1

-- name: wake_lane
-- A ring too: whoever is about to let it rest has read the one before. A lane without an alarm holds nothing to wake for.
update post_lanes set alarm = least(alarm, $2), ring = ring + 1 where account_id = $1 and alarm is not null

-- name: sweep_lanes
-- Repairs what should not happen: a post in a lane that sleeps past it.
update post_lanes l set alarm = held.due, ring = l.ring + 1
from (
    select lane.account_id, waiting.due
    from (select account_id, min(alarm) as due from posts where in_lane group by account_id) waiting
    join post_lanes lane using (account_id)
    where lane.alarm is null or lane.alarm > greatest(waiting.due, $1::timestamptz) + interval '2 minutes'
    order by lane.account_id for update of lane
) held
where l.account_id = held.account_id

-- name: save
-- Guarded by the version that was read; rows that come back were saved, the others are stale. Rows are locked by id, in
-- one order for everybody, whatever plan the update has.
with held as (
    select id, version, state from posts
    where id = any(array(select x.id from jsonb_to_recordset($1::jsonb) as x (id text))) order by id for update
)
update posts p
set state = x.state, version = p.version + 1, alarm = x.alarm, in_lane = x.in_lane, failures = x.failures,
    retries = x.retries, life = x.life, slot_at = x.slot_at, held_at = x.held_at, publication = x.publication,
    media_id = x.media_id, photos = coalesce(x.photos, p.photos), publish_at = x.publish_at, publish_before = x.publish_before,
    -- A cancel that was asked for meanwhile is kept; one that ended the life before does not end this one.
    cancel_requested_at = case when x.life > p.life then null else coalesce(x.cancel_requested_at, p.cancel_requested_at) end,
    public_post_ids = x.public_post_ids, problem = x.problem, updated_at = x.updated_at, finished_at = x.finished_at
from jsonb_to_recordset($1::jsonb) as x (
    id text, version int, state text, alarm timestamptz, in_lane boolean, failures int, retries int, life int, publication int,
    media_id text, photos text[], publish_at timestamptz, publish_before timestamptz, slot_at timestamptz,
    held_at timestamptz, cancel_requested_at timestamptz, public_post_ids text[],
    problem jsonb, updated_at timestamptz, finished_at timestamptz)
join held on held.id = x.id and held.version = x.version
where p.id = x.id and p.version = x.version
returning p.id, held.state as was

-- name: save_progress
-- One round trip and no wait for the disk: nothing is lost with the last of these but the knowledge of chunks that TikTok
-- tells again with a 416. What must outlive the server's own crash is saved by a later commit, which flushes this one.
with saved as (
    update posts set version = version + 1, alarm = $3, updated_at = $4 where id = $1 and version = $2
    returning id, cancel_requested_at is not null as cancel_requested
), sent as (
    update publications p set sent_bytes = $6 from saved where p.post_id = saved.id and p.n = $5
), told as (
    insert into timeline (post_id, at, kind, detail)
    select saved.id, $4, u.kind, u.detail
    from saved, unnest($7::text[], $8::jsonb[]) with ordinality as u (kind, detail, nth) order by u.nth
)
select cancel_requested, set_config('synchronous_commit', 'off', true) from saved

-- name: save_publications
-- A publish id, once known, stays: it may have been learnt by a driver that had lost its post (`learn`).
insert into publications as p (post_id, n, state, intent_at, publish_id, upload_url, url_expires_at, size, chunk_size,
                               chunk_count, sent_bytes, committing_at, last_status, cancel_asked_at, pulled_for)
select u.post_id, u.n, u.state, u.intent_at, u.publish_id, u.upload_url, u.url_expires_at, u.size, u.chunk_size,
       u.chunk_count, u.sent_bytes, u.committing_at, u.last_status, u.cancel_asked_at,
       case when u.pull then (select a.client_key || ' ' || a.open_id from posts o join accounts a on a.id = o.account_id
                              where o.id = u.post_id) end
from unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[], $7::timestamptz[],
            $8::bigint[], $9::bigint[], $10::int[], $11::bigint[], $12::timestamptz[], $13::text[], $14::boolean[],
            $15::timestamptz[])
    as u (post_id, n, state, intent_at, publish_id, upload_url, url_expires_at, size, chunk_size, chunk_count, sent_bytes,
          committing_at, last_status, pull, cancel_asked_at)
on conflict (post_id, n) do update
set state = excluded.state, publish_id = coalesce(p.publish_id, excluded.publish_id), upload_url = excluded.upload_url,
    url_expires_at = excluded.url_expires_at, sent_bytes = excluded.sent_bytes, committing_at = excluded.committing_at,
    last_status = excluded.last_status, cancel_asked_at = excluded.cancel_asked_at

-- name: insert_news
-- A video that is public has numbers from now on, and one that is gone has none (`stats.sql`).
with told as (
    insert into news (post_id, publication, kind, tiktok_post_id, n, create_time)
    select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::bigint[])
), shown as (
    select distinct on (post_id, tiktok_post_id) post_id, tiktok_post_id, kind
    from unnest($1::text[], $3::text[], $4::text[]) with ordinality as u (post_id, kind, tiktok_post_id, nth)
    where kind in ('public', 'gone') and tiktok_post_id <> '' order by post_id, tiktok_post_id, nth desc
)
insert into watches as w (subject, tiktok_post_id, account_id, customer_id, since, alarm)
select p.id, s.tiktok_post_id, p.account_id, p.customer_id, p.updated_at, case s.kind when 'public' then p.updated_at end
from shown s join posts p on p.id = s.post_id order by p.id, s.tiktok_post_id
on conflict (subject, tiktok_post_id) do update set alarm = excluded.alarm

-- name: bind_news
update news set create_time = b.create_time
from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::bigint[])
    as b (post_id, publication, kind, tiktok_post_id, n, create_time)
where news.post_id = b.post_id and news.publication = b.publication and news.kind = b.kind
  and news.tiktok_post_id = b.tiktok_post_id and news.n = b.n and news.create_time is null

-- name: insert_timeline
insert into timeline (post_id, at, kind, detail) select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::jsonb[])

-- name: settle_batches
-- One row lock per batch decides which post was the last.
with held as (select id from batches where id = any($1::text[]) order by id for update)
update batches b set unsettled = b.unsettled - s.n
from held join (select id, count(*) as n from unnest($1::text[]) as u (id) group by id) s using (id)
where b.id = held.id and b.unsettled > 0
returning b.id, b.customer_id, b.total, b.unsettled

-- name: reopen_batches
-- Posts of theirs begin another life.
update batches b set unsettled = least(b.unsettled + s.n, b.total)
from (select id, count(*)::int as n from unnest($1::text[]) as u (id) group by id order by id) s
where b.id = s.id

-- name: batch_states
select batch_id, state, count(*) as n from posts where batch_id = any($1::text[]) group by batch_id, state

-- name: wake_facts
-- A publish id was just saved: what was heard of it before can now find its post. No tries: whoever looked for it before
-- this and puts it back afterwards must not put it to sleep.
update facts set alarm = $2, tries = 0 where publish_id = any($1::text[]) and publish_id <> '' and settled_at is null

-- name: learn
-- Guarded by its own row: whoever went on with the post meanwhile did so without this id.
update publications set publish_id = $3 where post_id = $1 and n = $2 and publish_id is null returning n

-- name: wake_unconfirmed
-- Something has become known of it. Its version too: who has read it before must read it again.
update posts set alarm = $3, version = version + 1, updated_at = $3
where id = $1 and publication = $2 and state = 'unconfirmed' returning id

-- name: get
select * from posts where id = $1 and ($2::text is null or customer_id = $2)
  and ($3::text[] is null or account_id = any($3)) and account_id <> all($4::text[])

-- name: unfinished
select * from posts
where id > $1 and state in ('scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed')
order by id limit $2

-- name: publications_of
select * from publications where post_id = any($1::text[]) order by post_id, n

-- name: news_of
select * from news where post_id = any($1::text[]) order by post_id, kind, tiktok_post_id, n

-- name: timeline_of
select id, at, kind, detail from timeline where post_id = $1 and id > $2 order by id limit $3

-- name: place
-- What was last said of why the post waits, and where it stands in its lane: when that is next looked at, and how many posts go
-- first (as far as `$3` says).
select t.kind, t.detail, l.alarm as turn_at,
       (select count(*) from (select from posts o where p.in_lane and o.in_lane and o.account_id = p.account_id
                              and (o.alarm, o.id) < (p.alarm, p.id) limit $3) before) as ahead
from posts p
left join lateral (select kind, detail from timeline where post_id = p.id and kind = any($2::text[])
                   order by id desc limit 1) t on true
left join post_lanes l on l.account_id = p.account_id and p.in_lane
where p.id = $1

-- name: by_publish_ids
select p.*, u.publish_id as of_publish_id, u.n as of_n, a.client_key as of_client_key, a.open_id as of_open_id
from publications u join posts p on p.id = u.post_id join accounts a on a.id = p.account_id
where u.publish_id = any($1::text[])

-- name: edit
-- Locks the row as every save does; the save that follows in the same transaction has the same guard.
update posts set request = $3, sources = $4 where id = $1 and version = $2 and state = 'draft' returning id

-- name: sources
select sources from posts where id = $1

-- name: heard_of
-- What came after the post had failed is on its timeline; what is not settled yet waits among the facts.
select exists (
    select 1 from timeline where post_id = $1 and kind = 'fact.kept'
    and detail->>'kind' in ('completed', 'public', 'in_inbox', 'gone')
) or exists (
    select 1 from publications u join facts f on f.publish_id = u.publish_id
    where u.post_id = $1 and f.publish_id <> '' and f.settled_at is null
    and f.kind in ('completed', 'public', 'in_inbox', 'gone')
)

-- name: note_cancel
-- Does not touch alarm or version: the holder of the lease goes on and sees it at its next look.
update posts set cancel_requested_at = coalesce(cancel_requested_at, $2) where id = $1 and state in
    ('initializing', 'uploading', 'processing', 'unconfirmed') returning *

-- name: cancel_requested
select cancel_requested_at is not null from posts where id = $1

-- name: add_note
insert into timeline (post_id, at, kind, detail) values ($1, $2, $3, $4)
