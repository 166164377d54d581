-- Pulls: TikTok fetches the media from us, and an accepted init publishes by itself.

-- The media of a photo post, in order, once all of them are here; media_id is then the first.
alter table posts add column photos text[] not null default '{}' check (cardinality(photos) <= 35);

-- Whose pull an init is: "client_key open_id", the creator as TikTok knows it; null: an upload. Facts name creators, so a
-- creator has at most one pull init whose publish id nobody knows: what is heard then has one possible owner.
alter table publications add column pulled_for text;
alter table publications add column cancel_asked_at timestamptz;
alter table publications add constraint pulls_commit_at_init
    check (pulled_for is null or (state in ('intended', 'committed', 'abandoned') and upload_url is null));
create unique index one_unresolved_pull on publications (pulled_for)
    where pulled_for is not null and publish_id is null and state = 'intended';
create index publications_lost on publications (pulled_for, intent_at) where pulled_for is not null and publish_id is null;

-- The URLs of one pull, all under one token that is kept nowhere. A fetch is recorded before its first byte is sent, so
-- a revoked row without a fetch proves that nobody has, or will ever have, a byte of it.
create table pulls (
    post_id    text not null,
    n          int not null,
    token_hash bytea not null unique check (length(token_hash) = 32),
    media      text[] not null check (cardinality(media) between 1 and 35),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    fetches    int not null default 0,
    fetched_at timestamptz,
    revoked_at timestamptz,
    primary key (post_id, n),
    foreign key (post_id, n) references publications,
    constraint fetched_exactly_when_counted check ((fetches > 0) = (fetched_at is not null)),
    constraint a_pull_ends_after_it_begins check (expires_at > created_at)
) with (fillfactor = 70);
