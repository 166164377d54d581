-- Counted whenever one is made.
create index keys_by_customer on keys (customer_id) where revoked_at is null;
