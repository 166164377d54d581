-- Files on their way: asked for by URL, or promised to a signed address. One that has arrived becomes a row of media with the
-- same id, in the transaction that removes it here.
create table arrivals (
    id          text primary key,
    customer_id text not null references customers,
    state       text not null check (state in (
        'awaited',   -- its sender has an address for it, until the alarm
        'fetching',  -- -> media, or failed
        'checking',  -- its bytes are here: read, hashed and looked into -> media, or failed
        'failed'     -- final, and forgotten after a while
    )),
    url         bytea,                         -- sealed: it may be signed; null: it is sent here
    token_hash  bytea unique check (length(token_hash) = 32),  -- of our own address for it, until it was used
    size        bigint check (size > 0),       -- promised
    sha256      bytea check (length(sha256) = 32),             -- promised
    received    bigint not null default 0 check (received >= 0),
    expected    bigint check (expected >= 0),  -- as far as its server says
    tries       int not null default 0,
    version     int not null default 1,        -- counts who is at it: only the last one may say how it ended
    alarm       timestamptz,
    problem     jsonb,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    constraint failed_exactly_without_alarm check ((state = 'failed') = (alarm is null)),
    constraint failed_arrivals_say_why check ((state = 'failed') = (problem is not null)),
    constraint fetched_from_somewhere check (state <> 'fetching' or url is not null),
    constraint sent_files_have_a_size check (state not in ('awaited', 'checking') or size is not null),
    constraint only_awaited_files_have_an_address check (token_hash is null or state = 'awaited')
);
create index arrivals_due on arrivals (alarm) where alarm is not null;
create index arrivals_by_customer on arrivals (customer_id, id);
create index arrivals_failed on arrivals (updated_at) where state = 'failed';
