-- Lists of posts by where they stand and what they are. `kind` is the request's word, as a column so that an index alone
-- answers: a list reads places in an index, newest first, and then only the rows that it shows.
alter table posts add column kind text generated always as (request->>'kind') stored;

create index posts_by_state on posts (state, kind, id);
create index posts_by_customer_state on posts (customer_id, state, kind, id);
create index posts_by_account_state on posts (account_id, state, kind, id);
create index batches_by_customer on batches (customer_id, id);
