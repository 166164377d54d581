-- A signed media URL is a secret of whoever signed it: the request keeps it without its query, and here it is whole.
alter table posts add column sources bytea;  -- sealed JSON object of the request's media and cover; null: nothing to hide
