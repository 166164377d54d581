-- A replay of one endpoint is that endpoint's share alone: those begun before there were shares get theirs.
insert into replay_shares (replay_id, endpoint_id, place, alarm)
select id, endpoint_id, place, scan_at from replays where endpoint_id is not null and scan_at is not null
on conflict (replay_id, endpoint_id) do nothing;
update replays set scan_at = null where endpoint_id is not null and scan_at is not null;
