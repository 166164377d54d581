-- name: claim
-- What is due of the account that has waited longest; with it what will be due soon, so that a call asks for many. Until `$2`
-- an alarm may be another's lease.
with first as (
    select account_id from watches where alarm <= $1 order by alarm limit 1 for update skip locked
), due as (
    select w.subject, w.tiktok_post_id from watches w join first using (account_id)
    where w.alarm <= $1 or (w.alarm > $2 and w.alarm <= $3) order by w.alarm limit $4 for update of w skip locked
)
update watches w set alarm = $2 from due
where w.subject = due.subject and w.tiktok_post_id = due.tiktok_post_id
returning w.*

-- name: keep
-- Guarded by the lease: what somebody else has counted since is left alone, and its numbers are not kept a second time.
with held as (
    select w.subject, w.tiktok_post_id, u.next, u.numbers, w.customer_id, w.account_id
    from unnest($1::text[], $2::text[], $3::timestamptz[], $4::jsonb[]) as u (subject, tiktok_post_id, next, numbers)
    join watches w on w.subject = u.subject and w.tiktok_post_id = u.tiktok_post_id and w.alarm = $5
    order by w.subject, w.tiktok_post_id for update of w
), moved as (
    update watches w set alarm = held.next from held
    where w.subject = held.subject and w.tiktok_post_id = held.tiktok_post_id
), counted as (
    insert into snapshots (subject, tiktok_post_id, at, numbers)
    select subject, tiktok_post_id, $6, numbers from held where numbers is not null order by subject, tiktok_post_id
)
select subject, tiktok_post_id from held where numbers is not null

-- name: series
select id, subject, tiktok_post_id, at, numbers from snapshots
where subject = $1 and ($2::bigint is null or id < $2) and ($3::timestamptz is null or at >= $3)
  and ($4::timestamptz is null or at < $4)
order by id desc limit $5

-- name: many
select s.* from unnest($1::text[]) as u (subject), lateral (
    select id, subject, tiktok_post_id, at, numbers from snapshots
    where subject = u.subject and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3)
    order by id desc limit $4
) s

-- name: posts
select * from posts where id = any($1::text[]) and ($2::text is null or customer_id = $2)
  and ($3::text[] is null or account_id = any($3)) and account_id <> all($4::text[])

-- name: forget
delete from snapshots where ctid = any(array(select ctid from snapshots where at < $1 order by at limit $2))

-- name: forget_watches
-- Of videos that are counted no longer.
delete from watches where ctid = any(array(
    select ctid from watches where tiktok_post_id <> '' and since < $1 order by since limit $2 for update skip locked))
