-- An endpoint that was deleted keeps its row, so that what was sent to it can still be read. Its keys and headers are gone, and so
-- are its lane and its place in the feed: nothing can be sent to it any more.
alter table endpoints
    add column deleted_at timestamptz,
    drop constraint live_keys_are_few,
    add constraint live_keys_are_few check (cardinality(secrets) <= 10 and (cardinality(secrets) > 0) = (deleted_at is null)),
    add constraint deleted_endpoints_are_silent check (deleted_at is null or (state = 'disabled' and headers is null));
create index endpoints_deleted on endpoints (id) where deleted_at is not null;

-- So does a file, because posts name it; its bytes leave as those of one that has aged out.
alter table media
    add column deleted_at timestamptz,
    add constraint deleted_media_are_expired check (deleted_at is null or state = 'expired');
