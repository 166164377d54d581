-- The tables of the main job. Every unfinished row has an alarm: next look, lease and backoff in one; null when there is
-- nothing to wait for. Rows that only ever grow (receipts, events, deliveries, attempts) are partitioned by day and leave
-- by dropping partitions; what falls on odd days lands in a default partition.

create table customers (
    id         text primary key,
    name       text not null check (length(name) between 1 and 200),
    created_at timestamptz not null
);

create table keys (
    id           text primary key,
    customer_id  text references customers,  -- null: an operator's
    name         text not null,
    hash         bytea not null unique,
    grants       jsonb not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

create table accounts (
    id                 text primary key,
    customer_id        text not null references customers,
    client_key         text not null,
    open_id            text not null,
    username           text,
    display_name       text,
    scopes             text[] not null,
    state              text not null check (state in ('connected', 'reauthorization_required', 'disconnected')),
    reason             text,
    grant_n            int not null default 1,       -- counts connects: a reconnect is a new grant
    granted_at         timestamptz not null,
    access_token       bytea not null,               -- sealed
    refresh_token      bytea not null,               -- sealed
    refresh_hash       bytea not null,               -- which refresh token: the guard of its own replacement
    access_expires_at  timestamptz not null,
    refresh_expires_at timestamptz,
    refreshes_failed   int not null default 0,
    refreshing_until   timestamptz,                  -- the refresher's lease: one at a time, across replicas
    alarm              timestamptz,                  -- next refresh
    version            int not null default 1,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    unique (customer_id, client_key, open_id),
    constraint only_connected_accounts_refresh check (state = 'connected' or alarm is null)
);
create index accounts_by_open_id on accounts (client_key, open_id);
create index accounts_due on accounts (alarm) where alarm is not null;

-- What waits together for one account's inits. `ring` is bumped by every post that enters: a lane sleeps only if it is unchanged.
create table post_lanes (
    account_id text primary key references accounts,
    alarm      timestamptz,
    ring       bigint not null default 0
) with (fillfactor = 50);
create index post_lanes_due on post_lanes (alarm) where alarm is not null;

-- Calls of one kind made for one account in the last minute, across replicas. An entry of `busy` is when its slot is free again:
-- 60 s after the call ended, or after its deadline while it runs.
create table budgets (
    account_id    text not null references accounts,
    call          text not null,
    busy          timestamptz[] not null default '{}',
    blocked_until timestamptz,
    primary key (account_id, call)
) with (fillfactor = 50);

create table media (
    id           text primary key,
    customer_id  text not null references customers,
    state        text not null check (state in ('ready', 'failed')),
    key          text not null,        -- where its bytes are, within MEDIA_URL
    size         bigint not null check (size >= 0),
    sha256       bytea not null,
    content_type text not null,
    probe        jsonb not null default '{}',
    created_at   timestamptz not null
);
create index media_by_customer on media (customer_id, id);

create table batches (
    id          text primary key,
    customer_id text not null references customers,
    total       int not null check (total > 0),
    unsettled   int not null check (unsettled >= 0),
    created_at  timestamptz not null
);

create table posts (
    id                  text primary key,
    customer_id         text not null references customers,
    account_id          text not null references accounts,
    batch_id            text references batches,
    idempotency_key     text not null,
    request_hash        bytea not null,
    request             jsonb not null,
    state               text not null check (state in (
        'draft',          -- a person edits or sends it
        'scheduled',      -- -> queued at publish_at, or cancelled, failed
        'queued',         -- -> initializing when its lane gives it a turn
        'initializing',   -- -> uploading, or queued when the init's reply was lost
        'uploading',      -- -> processing at the last byte, or queued when fenced
        'processing',     -- -> published, in_inbox, failed by a fact; unconfirmed by silence
        'unconfirmed',    -- -> published, in_inbox, failed by a fact
        'in_inbox',       -- -> published by a fact
        'published',      -- a draft may publish again
        'failed',         -- final
        'cancelled'       -- final
    )),
    version             int not null default 1,
    alarm               timestamptz,
    in_lane             boolean not null default false,
    failures            int not null default 0,
    publication         int not null default 0,
    media_id            text references media,
    cancel_requested_at timestamptz,
    publish_at          timestamptz,
    publish_before      timestamptz,
    public_post_ids     text[] not null default '{}',
    problem             jsonb,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    finished_at         timestamptz,
    unique (customer_id, idempotency_key, account_id),
    constraint working_posts_have_an_alarm check (
        state not in ('scheduled', 'queued', 'initializing', 'uploading', 'processing') or alarm is not null),
    constraint resting_posts_have_none check (state not in ('draft', 'in_inbox', 'failed', 'cancelled') or alarm is null),
    constraint finished_exactly_when_final check ((state in ('failed', 'cancelled')) = (finished_at is not null)),
    constraint failed_says_why check (state <> 'failed' or problem is not null),
    constraint only_queued_posts_are_in_a_lane check (not in_lane or state = 'queued'),
    constraint sent_posts_have_a_publication check (
        state not in ('initializing', 'uploading', 'processing', 'unconfirmed', 'in_inbox', 'published') or publication > 0)
);
create index posts_due on posts (alarm) where alarm is not null and not in_lane;
create index posts_in_lane on posts (account_id, alarm, id) where in_lane;
create index posts_by_customer on posts (customer_id, id);
create index posts_by_account_unfinished on posts (account_id)
    where state in ('scheduled', 'queued', 'initializing', 'uploading', 'processing', 'unconfirmed');
create index posts_by_batch on posts (batch_id) where batch_id is not null;

-- One init at TikTok. A publish id is saved here, guarded by its own row, so that a stale driver cannot lose it.
create table publications (
    post_id        text not null references posts,
    n              int not null check (n > 0),
    state          text not null check (state in ('intended', 'open', 'committing', 'committed', 'abandoned')),
    intent_at      timestamptz not null,
    publish_id     text unique check (length(publish_id) between 1 and 128),
    upload_url     bytea,               -- sealed
    url_expires_at timestamptz,
    size           bigint not null default 0,
    chunk_size     bigint not null default 0,
    chunk_count    int not null default 0,
    sent_bytes     bigint not null default 0 check (sent_bytes between 0 and size),
    committing_at  timestamptz,
    last_status    text,
    primary key (post_id, n),
    constraint known_to_tiktok_once_open check (state in ('intended', 'abandoned') or publish_id is not null),
    constraint committing_has_a_time check (state not in ('committing', 'committed') or committing_at is not null)
);
create unique index one_live_publication on publications (post_id) where state <> 'abandoned';

-- What is known to have been published: one row, one event (libs/model/news.py).
create table news (
    post_id        text not null references posts,
    publication    int not null,
    kind           text not null check (kind in ('published', 'public', 'gone')),
    tiktok_post_id text not null default '',
    n              int not null,
    create_time    bigint,
    primary key (post_id, publication, kind, tiktok_post_id, n)
);

create table timeline (
    id      bigint generated always as identity primary key,
    post_id text not null references posts,
    at      timestamptz not null,
    kind    text not null,
    detail  jsonb not null default '{}'
);
create index timeline_by_post on timeline (post_id, id);

create table facts (
    id          bigint generated always as identity primary key,
    key         text not null unique,
    kind        text not null,
    source      text not null check (source in ('webhook', 'poll')),
    client_key  text not null default '',
    open_id     text not null default '',
    publish_id  text not null default '',
    create_time bigint,
    tiktok_post_id text not null default '',
    reason      text not null default '',
    data        jsonb not null default '{}',
    heard_at    timestamptz not null,
    tries       int not null default 0,
    alarm       timestamptz,             -- null: settled, or unmatched for a week and only kept
    settled_at  timestamptz,
    result      text,
    constraint settled_facts_have_no_alarm check (settled_at is null or alarm is null)
);
create index facts_due on facts (alarm) where alarm is not null;
create index facts_waiting on facts (publish_id) where settled_at is null and publish_id <> '';
create index facts_by_age on facts (heard_at) where settled_at is not null;

-- Every signed body once. The day is the body's own create_time, so that the same body always meets the same unique key.
create table receipts (
    body_hash   bytea not null,
    day         date not null,
    received_at timestamptz not null,
    body        bytea not null,
    event       text not null default '',
    fact_key    text,
    reason      text,                    -- why it is no TikTok envelope
    primary key (body_hash, day)
) partition by range (day);
create table receipts_default partition of receipts default;

-- The outbox. `xid` gives feeds an order that respects commits: ids are not commit order.
create table events (
    id          text not null,
    day         date not null,
    key         text not null,
    type        text not null,
    customer_id text references customers,  -- null: the operator's; goes to RabbitMQ only
    account_id  text,
    post_id     text,
    occurred_at timestamptz not null,
    body        text not null,
    xid         xid8 not null default pg_current_xact_id(),
    fan_out_at  timestamptz,                -- cleared with the insert of its deliveries
    relay_at    timestamptz,                -- cleared after RabbitMQ's confirm
    primary key (id, day)
) partition by range (day);
create table events_default partition of events default;
create index events_fan_out on events (fan_out_at) where fan_out_at is not null;
create index events_relay on events (relay_at) where relay_at is not null;
create index events_feed on events (customer_id, xid, id);
create index events_by_post on events (post_id) where post_id is not null;

-- Natural keys of events, unpartitioned so that they hold across days.
create table event_keys (
    key         text primary key,
    event_id    text not null,
    recorded_at timestamptz not null
);
create index event_keys_by_age on event_keys (recorded_at);

create table endpoints (
    id            text primary key,
    customer_id   text not null references customers,
    url           text not null,
    events        text[] not null,
    state         text not null check (state in ('enabled', 'disabled')),
    secrets       bytea[] not null check (cardinality(secrets) between 1 and 5),  -- sealed, newest first
    description   text not null default '',
    timeout_s     real not null default 15 check (timeout_s between 1 and 60),
    failing_since timestamptz,
    reason        text,
    version       int not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint disabled_says_why check (state = 'enabled' or reason is not null)
);
create index endpoints_by_customer on endpoints (customer_id, id);

-- What waits together for one endpoint. Pausing touches this row only.
create table endpoint_lanes (
    endpoint_id  text primary key references endpoints,
    alarm        timestamptz,
    ring         bigint not null default 0,
    paused_until timestamptz
) with (fillfactor = 50);
create index endpoint_lanes_due on endpoint_lanes (alarm) where alarm is not null;

create table deliveries (
    id          text not null,
    day         date not null,              -- the event's
    event_id    text not null,
    endpoint_id text not null,
    customer_id text not null,
    state       text not null check (state in ('pending', 'delivered', 'exhausted')),
    tries       int not null default 0,
    alarm       timestamptz,
    version     int not null default 1,
    last_status int,
    last_error  text,
    created_at  timestamptz not null,
    finished_at timestamptz,
    primary key (id, day),
    unique (event_id, endpoint_id, day),
    constraint pending_exactly_when_alarmed check ((state = 'pending') = (alarm is not null))
) partition by range (day);
create table deliveries_default partition of deliveries default;
create index deliveries_in_lane on deliveries (endpoint_id, alarm) where alarm is not null;
create index deliveries_by_customer on deliveries (customer_id, id);

create table attempts (
    id           text not null,
    day          date not null,
    delivery_id  text not null,
    endpoint_id  text not null,
    event_id     text not null,
    n            int not null,
    at           timestamptz not null,
    status       int,
    error        text,
    ms           int not null,
    response     text not null default '',
    why          text not null default '',
    next_at      timestamptz,
    primary key (id, day)
) partition by range (day);
create table attempts_default partition of attempts default;
create index attempts_by_delivery on attempts (delivery_id);
