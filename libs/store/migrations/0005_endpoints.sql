-- What an endpoint may say about how it wants to be spoken to, keys that end, and what is remembered of its failing.

alter table endpoints
    add column accounts         text[] not null default '{}',  -- whose events; empty: every account's
    add column headers          bytea,                         -- sealed JSON object: a value may be a token
    add column schedule_s       int[] check (cardinality(schedule_s) between 1 and 20 and schedule_s[1] = 0
                                             and 0 <= all(schedule_s) and 604800 >= all(schedule_s)),  -- null: the default
    add column rate_per_s       float8 check (rate_per_s between 0.01 and 1000),  -- null: no limit
    add column concurrency      int check (concurrency between 1 and 1000),     -- null: the notifier's
    add column payload          text not null default 'full' check (payload in ('full', 'thin')),
    add column disable_after    interval not null default '5 days'
                                check (disable_after between interval '1 hour' and interval '30 days'),
    add column secret_ends      timestamptz[],                 -- beside secrets; null: lives until it is replaced
    add column failing_told     int not null default 0,        -- percent of the way to being disabled that was told
    add column disabled_for     text check (disabled_for in (
        'request',  -- by hand: comes back by hand
        'gone',     -- answered 410: comes back by hand
        'failing'   -- failed too long: comes back by hand, or by a probe that succeeds
    ));

update endpoints set secret_ends = array_fill(null::timestamptz, array[cardinality(secrets)]);
update endpoints
set disabled_for = case when reason like 'answered 410%' then 'gone' when reason like 'failing for%' then 'failing'
                        else 'request' end
where state = 'disabled';

alter table endpoints
    alter column secret_ends set not null,
    drop constraint endpoints_secrets_check,
    add constraint live_keys_are_few check (cardinality(secrets) between 1 and 10),
    add constraint every_key_has_an_end_or_null check (cardinality(secrets) = cardinality(secret_ends)),
    add constraint disabled_for_a_cause check ((state = 'disabled') = (disabled_for is not null)),
    add constraint told_only_while_failing check (failing_told in (0, 50, 90) and (failing_told = 0 or failing_since is not null));

-- The circuit of a lane: failures in a row, and since when there were too many. While it is open a claim takes one
-- delivery as a probe. `rate_per_s` is the endpoint's, here because claims look at lanes only.
alter table endpoint_lanes
    add column failures    int not null default 0 check (failures >= 0),
    add column open_since  timestamptz,
    add column rate_per_s  float8;

-- Endpoints that were disabled for failing are probed from now on.
update endpoint_lanes l set paused_until = now(), alarm = now(), failures = 10, open_since = coalesce(e.failing_since, now())
from endpoints e where e.id = l.endpoint_id and e.disabled_for = 'failing';

-- What a try was like beyond its outcome: milliseconds of each phase, the headers that explain the answer, a cut body.
alter table attempts add column detail json;
