-- A post for later waits in its account's lane from the start, its time being its place there: when thousands are due at
-- once, none is written to before it has its turn.
alter table posts
    drop constraint only_queued_posts_are_in_a_lane,
    add constraint only_waiting_posts_are_in_a_lane check (not in_lane or state in ('queued', 'scheduled'));
