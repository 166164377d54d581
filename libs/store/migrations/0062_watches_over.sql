-- A video that has been public for too long is forgotten whatever its alarm: where nobody counts, nobody takes that away.
drop index watches_over;
create index watches_over on watches (since) where tiktok_post_id <> '';
