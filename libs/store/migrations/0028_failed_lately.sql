-- What failed last, of everybody: a word that is in many failures is found among the newest of them.
create index attempts_failed_lately on attempts (id) where status is null or status < 200 or status > 299;
