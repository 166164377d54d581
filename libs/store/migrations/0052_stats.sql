-- Numbers of accounts and of posts that are public, as TikTok tells them, taken now and then.

-- Who is to be counted, and when next: an account, or one public video of a post. The alarm is the lease too, and what is saved
-- names it, so that nothing is counted twice for one alarm. None: there is nothing to wait for until something changes.
create table watches (
    subject        text not null,                  -- an account's id, or a post's
    tiktok_post_id text not null default '',       -- of a post
    account_id     text not null references accounts,
    customer_id    text not null references customers,
    since          timestamptz not null,           -- when there was first something to count
    alarm          timestamptz,
    primary key (subject, tiktok_post_id),
    constraint only_posts_have_videos check ((subject = account_id) = (tiktok_post_id = ''))
) with (fillfactor = 80);
create index watches_due on watches (alarm) where alarm is not null;
create index watches_of_account on watches (account_id, alarm);
create index watches_over on watches (since) where alarm is null and tiktok_post_id <> '';

create table snapshots (
    id             bigint generated always as identity,
    subject        text not null,
    tiktok_post_id text not null default '',
    at             timestamptz not null,           -- when TikTok said so
    numbers        jsonb not null,                 -- by TikTok's names, as it gave them
    primary key (subject, id)
);
create index snapshots_by_age on snapshots (at);

insert into watches (subject, account_id, customer_id, since, alarm)
select id, id, customer_id, now(), case when state = 'connected' then now() end from accounts;

insert into watches (subject, tiktok_post_id, account_id, customer_id, since, alarm)
select n.post_id, n.tiktok_post_id, p.account_id, p.customer_id, min(p.updated_at), case when bool_or(n.kind = 'gone') then null else now() end
from news n join posts p on p.id = n.post_id
where n.kind in ('public', 'gone') and n.tiktok_post_id <> '' and p.updated_at > now() - interval '30 days'
group by n.post_id, n.tiktok_post_id, p.account_id, p.customer_id;
