-- Which encryption keys secrets are sealed with here, and which programs seal with which. A key's id is a hash of it.

create table sealing_keys (
    id         text primary key check (length(id) between 1 and 32),
    since      timestamptz not null,
    retired_at timestamptz                         -- nothing was sealed with it any more, and nobody who ran sealed with it
);

-- Running programs. One that says nothing before `until` is taken for gone.
create table sealers (
    id      text primary key,
    program text not null,
    seals   text not null,
    opens   text[] not null,
    until   timestamptz not null
);

-- Sealed values begin with a 1 and the id of their key; those from before that began with a Fernet token at once.
create function sealed_with(value bytea) returns text language sql immutable parallel safe
return case when substring(value for 1) = '\x01' then encode(substring(value from 2 for 8), 'hex') else 'unmarked' end;

insert into sealing_keys (id, since)
select 'unmarked', now()
where exists (select from accounts) or exists (select from endpoints) or exists (select from publications)
   or exists (select from apps) or exists (select from connects) or exists (select from idempotency);
