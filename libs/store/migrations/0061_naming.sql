-- In whose names of events an endpoint hears: ours, or Postproxy's.
alter table endpoints add column naming text not null default 'native' check (naming in ('native', 'postproxy'));
