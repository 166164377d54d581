-- What becomes of media: made ready for a post, counted against a quota, and aged out.

alter table customers
    add column media_bytes_max bigint check (media_bytes_max >= 0),  -- null: the settings' quota
    add column media_files_max int check (media_files_max >= 0);

alter table media
    drop constraint media_state_check,
    add constraint media_state_check check (state in (
        'ready',    -- its bytes are there
        'expired'   -- aged out: its bytes go, the row stays for the posts that name it
    )),
    add column origin text unique,                      -- post and place it was fetched for: fetched once, kept once
    add column made_from text references media,         -- null: as it came
    add column cover_ms int check (cover_ms >= 0),      -- where a cover image stands in it
    add column used_at timestamptz,                     -- when a post last needed it; null: never
    add column alarm timestamptz,                       -- expired and its bytes not yet known to be gone
    add constraint only_expired_media_have_an_alarm check (state = 'expired' or alarm is null);

create index media_ready on media (customer_id) include (size) where state = 'ready' and made_from is null;
create index media_by_age on media (coalesce(used_at, created_at)) where state = 'ready';
create index media_leaving on media (alarm) where alarm is not null;
create index media_by_key on media (key);
create index posts_unfinished_by_customer on posts (customer_id)
    where state in ('draft', 'scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed');

-- A file made ready for one use. One row per file and recipe, so that it is made once, by one process at a time.
create table renditions (
    media_id   text not null references media,
    recipe     text not null check (length(recipe) between 1 and 100),
    state      text not null check (state in (
        'making',   -- somebody is at it until its alarm
        'made',     -- final
        'refused'   -- it cannot be made; final
    )),
    version    int not null default 1,      -- counts makers: only the last one may say how it ended
    alarm      timestamptz,                 -- the maker's lease
    made_id    text references media,
    changes    text[] not null default '{}',
    problem    jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (media_id, recipe),
    constraint making_exactly_when_alarmed check ((state = 'making') = (alarm is not null)),
    constraint made_has_a_file check ((state = 'made') = (made_id is not null)),
    constraint refused_says_why check ((state = 'refused') = (problem is not null))
);
create index renditions_by_made on renditions (made_id) where made_id is not null;
