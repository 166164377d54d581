-- One statement for each way in: one for all would be planned for none. Ids are born when the try began, so that a range of
-- ids is a range of times; the days beside it leave out whole partitions. `$1` to `$7`: ids from and below, days from and to,
-- status, failed or not, how many.

-- name: of_all
select * from attempts
where id >= $1 and id < $2 and day between $3 and $4 and ($5::int is null or status = $5)
  and ($6::bool is null or $6 = (status is null or status < 200 or status > 299))
order by id desc limit $7

-- name: of_endpoints
select a.* from unnest($8::text[]) as e (id) cross join lateral (
    select * from attempts
    where endpoint_id = e.id and id >= $1 and id < $2 and day between $3 and $4 and ($5::int is null or status = $5)
      and ($6::bool is null or $6 = (status is null or status < 200 or status > 299))
    order by id desc limit $7
) a
order by a.id desc limit $7

-- name: of_failed
-- The condition is that of the index, and `$6` is not asked again.
select a.* from unnest($8::text[]) as e (id) cross join lateral (
    select * from attempts
    where endpoint_id = e.id and id >= $1 and id < $2 and day between $3 and $4 and ($5::int is null or status = $5)
      and (status is null or status < 200 or status > 299) and $6::bool is not false
    order by id desc limit $7
) a
order by a.id desc limit $7

-- name: of_event
select a.* from deliveries d join attempts a on a.delivery_id = d.id
where d.event_id = $8 and d.day = $9 and ($10::text[] is null or d.endpoint_id = any($10))
  and a.id >= $1 and a.id < $2 and a.day between $3 and $4 and ($5::int is null or a.status = $5)
  and ($6::bool is null or $6 = (a.status is null or a.status < 200 or a.status > 299))
order by a.id desc limit $7

-- name: of_words
-- Only what failed has words to search for. The condition and the vector are those of the index.
select * from attempts
where to_tsvector('simple', coalesce(error, '') || ' ' || why || ' ' || left(response, 16384))
      @@ websearch_to_tsquery('simple', $8)
  and (status is null or status < 200 or status > 299)
  and id >= $1 and id < $2 and day between $3 and $4 and ($5::int is null or status = $5) and $6::bool is not false
  and ($9::text[] is null or endpoint_id = any($9)) and ($10::text is null or event_id = $10)
order by id desc limit $7

-- name: of_words_lately
-- The same among the newest `$11` failures: whether a word is in nearly all of them or in none, no more is read. Complete
-- when it fills the page.
select * from (
    select * from attempts
    where (status is null or status < 200 or status > 299) and id >= $1 and id < $2 and day between $3 and $4
    order by id desc limit $11
) newest
where to_tsvector('simple', coalesce(error, '') || ' ' || why || ' ' || left(response, 16384))
      @@ websearch_to_tsquery('simple', $8)
  and ($5::int is null or status = $5) and $6::bool is not false
  and ($9::text[] is null or endpoint_id = any($9)) and ($10::text is null or event_id = $10)
order by id desc limit $7

-- name: of_words_lately_at
-- The same at some endpoints (`$9`), of each as many. Where one had more than were read, nothing older is told of any.
with newest as (
    select a.*, count(*) over (partition by a.endpoint_id) as held, min(a.id) over (partition by a.endpoint_id) as lowest
    from unnest($9::text[]) as e (id) cross join lateral (
        select * from attempts
        where endpoint_id = e.id and (status is null or status < 200 or status > 299)
          and id >= $1 and id < $2 and day between $3 and $4
        order by id desc limit $11
    ) a
)
select * from newest
where id >= coalesce((select max(lowest) from newest where held >= $11), '')
  and to_tsvector('simple', coalesce(error, '') || ' ' || why || ' ' || left(response, 16384))
      @@ websearch_to_tsquery('simple', $8)
  and ($5::int is null or status = $5) and $6::bool is not false and ($10::text is null or event_id = $10)
order by id desc limit $7

-- name: endpoints_of
select id from endpoints where customer_id = $1 and ($2::text is null or id = $2)
