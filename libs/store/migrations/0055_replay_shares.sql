-- An endpoint that takes less than a replay asks for goes on by itself, from its own place: it holds up nobody else.
alter table replays
    add column scan_at timestamptz,  -- when to go on with those that have no share of their own; null: that is at its end
    drop constraint replays_state_check,
    add constraint replays_state_check check (state in ('running', 'paused', 'done', 'cancelled')),
    drop constraint done_exactly_when_finished,
    add constraint over_exactly_when_finished check ((state in ('done', 'cancelled')) = (finished_at is not null));
update replays set scan_at = coalesce(alarm, updated_at) where state in ('running', 'paused');

create table replay_shares (
    replay_id   text not null references replays,
    endpoint_id text not null references endpoints,
    place       text not null,  -- everything of this endpoint up to this delivery id is seen to
    alarm       timestamptz,    -- null: it came to its end
    primary key (replay_id, endpoint_id)
);
