-- Whether this customer's posts in another vendor's words have to say if they are branded content, wherever that vendor
-- lets it be left out.
alter table customers add column strict_disclosure boolean not null default false;
