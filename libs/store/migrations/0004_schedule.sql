-- A post's life after acceptance: lives, slots under TikTok's caps, and holds after a restored backup.

alter table posts
    add column life    int not null default 1 check (life > 0),         -- counts lives: a failed post that was asked to try again
    add column retries int not null default 0 check (retries >= 0),     -- publications that TikTok ended and that were worth another init
    add column slot_at timestamptz,                                     -- when a cap is expected to have room for it
    add column held_at timestamptz,                                     -- the database went back in time: what was sent since is not known
    add constraint only_queued_posts_have_a_slot check (slot_at is null or state = 'queued'),
    add constraint only_unconfirmed_posts_are_held check (held_at is null or state = 'unconfirmed');
create index posts_slotted on posts (account_id, slot_at) where slot_at is not null;

-- What was learned of TikTok's caps over 24 hours. `scope` is an account, or `app:` and a client key.
create table caps (
    scope      text not null check (length(scope) between 1 and 200),
    kind       text not null check (kind in ('daily_posts', 'pending_shares', 'active_users')),
    most       int not null check (most > 0),
    full_until timestamptz not null,
    learned_at timestamptz not null,
    primary key (scope, kind)
);

-- Inits of the last days, made or about to be: what counts against the caps. `sure` once TikTok gave a publish id.
create table cap_uses (
    post_id    text not null references posts,
    n          int not null,
    account_id text not null references accounts,
    direct     boolean not null,
    at         timestamptz not null,
    sure       boolean not null default false,
    primary key (post_id, n)
);
create index cap_uses_by_account on cap_uses (account_id, direct, at);
create index cap_uses_by_age on cap_uses (at);
