-- Tries that failed, by endpoint and time: a search for a status would read all that went well to find them.
create index attempts_failed on attempts (endpoint_id, id, status) where status is null or status < 200 or status > 299;
