-- A link to send to a creator whose account is to be connected again. It lives for days, so it holds no state: each time it is
-- opened it begins a consent of its own, and only the account's own creator can end that.
create table reconnect_links (
    token_hash   bytea primary key check (length(token_hash) = 32),
    customer_id  text not null references customers,
    account_id   text not null references accounts on delete cascade,
    client_key   text not null,
    redirect_uri text not null,
    scopes       text[] not null,
    always_ask   boolean not null,
    grant_n      int not null,                     -- the grant it is to replace: a newer one means that it has done its work
    made_by      text not null,                    -- the key
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    constraint links_end check (expires_at > created_at)
);
create index reconnect_links_by_age on reconnect_links (expires_at);

alter table connects add column link_hash bytea;  -- the link it was begun by: only so many may be open at once
create index connects_by_link on connects (link_hash, expires_at) where link_hash is not null;
