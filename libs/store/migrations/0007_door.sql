-- The door: accounts by OAuth, further TikTok apps, groups, grants that reach single accounts, idempotency keys, the audit log.

-- A customer's own TikTok app. The operator's is a setting and has no row.
create table apps (
    id          text primary key,
    customer_id text not null unique references customers,
    client_key  text not null unique check (length(client_key) between 1 and 128),
    secrets     bytea[] not null check (cardinality(secrets) between 1 and 2),  -- sealed, newest first: two while rotating
    audited     boolean not null default false,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);

create table groups (
    id          text primary key,
    customer_id text not null references customers,
    name        text not null check (length(name) between 1 and 200),
    created_at  timestamptz not null,
    unique (customer_id, id)
);

alter table accounts
    add column group_id text,
    add column wanted text[] not null default '{}',  -- the scopes its creator was last asked for
    add constraint one_account_per_group unique (group_id),
    add constraint groups_hold_their_customers_accounts
        foreign key (customer_id, group_id) references groups (customer_id, id) on delete set null (group_id);

-- One consent that was asked for. Only the hash of its state is kept; it is used once, and where it was meant for.
create table connects (
    state_hash   bytea primary key,
    customer_id  text not null references customers,
    client_key   text not null,
    redirect_uri text not null,
    scopes       text[] not null,
    verifier     bytea,                            -- sealed; null: PKCE does not apply
    account_id   text references accounts,         -- a reconnect: no other account will do
    group_id     text references groups on delete set null,
    made_by      text not null,                    -- the key
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    constraint states_end check (expires_at > created_at)
);
create index connects_by_age on connects (expires_at);

-- What a key may do with one account, or with the account of one group. The nearest wins: account, group, then keys.grants.
create table key_grants (
    key_id     text not null references keys on delete cascade,
    account_id text references accounts on delete cascade,
    group_id   text references groups on delete cascade,
    capability text not null,
    level      text not null check (level in ('off', 'read', 'full')),
    constraint grants_are_about_one_thing check (num_nonnulls(account_id, group_id) = 1),
    constraint one_level_each unique nulls not distinct (key_id, account_id, group_id, capability)
);

alter table keys
    add column previous_hash bytea unique,         -- a rotated key's former secret, good until previous_until
    add column previous_until timestamptz,
    add column rate_per_minute int check (rate_per_minute between 1 and 1000000),
    add constraint former_secrets_end check ((previous_hash is null) = (previous_until is null));
-- Whoever had every grant there was has every grant there is.
update keys set grants = grants || '{"profile": "full", "videos": "full", "apps": "full", "audit": "full"}'
where customer_id is null and grants @> '{"customers": "full", "accounts": "full", "keys": "full"}';

-- What was answered under an Idempotency-Key. `seed` makes the ids of what is made under it: whoever goes on after a crash
-- finds what the one before made.
create table idempotency (
    key_id       text not null references keys,
    name         text not null check (length(name) between 1 and 255),
    request_hash bytea not null,
    seed         bytea not null,
    holder       text not null,
    held_until   timestamptz not null,
    answer       bytea,                            -- sealed: it may hold a secret that is shown once; null: in flight
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    primary key (key_id, name)
);
create index idempotency_by_age on idempotency (expires_at);

-- Who did what, and who was refused. No foreign keys: it outlives what it tells of.
create table audit (
    id          text primary key,
    at          timestamptz not null,
    customer_id text,                              -- whom it concerns; null: the operator alone
    key_id      text,
    who         text not null,
    action      text not null,
    subject     text not null default '',
    decision    text not null check (decision in ('allowed', 'refused', 'failed')),
    sentence    text not null,
    detail      jsonb not null default '{}',
    request_id  text not null default ''
);
create index audit_by_customer on audit (customer_id, id);
create index audit_by_age on audit (at);
