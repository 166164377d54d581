-- What happened, read again: consumers that pull, endpoints that are told in order, replays, and attempts to search.

-- The operator's feed: every customer's events in commit order.
create index events_by_commit on events (xid, id);

-- A durable place in a feed, moved by acknowledging.
create table consumers (
    id              text primary key,
    customer_id     text references customers,  -- null: an operator's, which hears of everybody
    name            text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    events          text[] not null check (cardinality(events) between 1 and 50),
    xid             xid8 not null,              -- everything up to (xid, event_id) is acknowledged
    event_id        text not null,
    acknowledged_at timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    unique nulls not distinct (customer_id, name)
);

-- An endpoint with `ordering = account` is not fanned out to: its deliveries are made in commit order, from this place on.
alter table endpoints add column ordering text not null default 'none' check (ordering in ('none', 'account'));
create table ordered_feeds (
    endpoint_id text primary key references endpoints,
    customer_id text not null references customers,
    xid         xid8 not null,
    event_id    text not null default '',
    turn        bigint not null default 0       -- the last one given out
);

-- `lane` is the account of an ordered delivery, `turn` its place. One of a lane has an alarm that comes, those behind it
-- wait at infinity. Null for all others, whom these indexes leave out.
alter table deliveries add column lane text, add column turn bigint,
    add constraint ordered_deliveries_have_a_turn check ((lane is null) = (turn is null));
create index deliveries_in_turn on deliveries (endpoint_id, lane, turn) where lane is not null and alarm is not null;
create index deliveries_at_turn on deliveries (endpoint_id, lane) where lane is not null and alarm < 'infinity';

-- Many deliveries sent again: worked in batches by id, each in one transaction with the place reached.
create table replays (
    id          text primary key,
    customer_id text not null references customers,
    state       text not null check (state in ('running', 'paused', 'done')),
    since       timestamptz not null,
    until       timestamptz not null,
    types       text[] check (cardinality(types) > 0),    -- null: every type
    endpoint_id text references endpoints,                -- null: every endpoint of the customer
    states      text[] not null check (cardinality(states) > 0),
    per_second  int not null check (per_second between 1 and 10000),
    total       bigint not null check (total >= 0),       -- counted when it was made
    replayed    bigint not null default 0 check (replayed >= 0),
    place       text not null,                            -- everything up to this delivery id is done
    alarm       timestamptz,
    version     int not null default 1,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    finished_at timestamptz,
    constraint running_exactly_when_alarmed check ((state = 'running') = (alarm is not null)),
    constraint done_exactly_when_finished check ((state = 'done') = (finished_at is not null)),
    constraint time_goes_forward check (since < until)
);
create index replays_due on replays (alarm) where alarm is not null;
create index replays_by_customer on replays (customer_id, id);

create index attempts_by_endpoint on attempts (endpoint_id, id);
-- What went well has nothing to search for, and does not pay for this.
create index attempts_by_word on attempts
    using gin (to_tsvector('simple', coalesce(error, '') || ' ' || why || ' ' || left(response, 16384)))
    where status is null or status < 200 or status > 299;
