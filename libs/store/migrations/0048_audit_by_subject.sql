-- What was done with one thing, and by whom.
create index audit_by_subject on audit (subject, id) where subject <> '';
