-- Posts that nobody could confirm are looked for among their creator's public videos.

create index news_of_video on news (tiktok_post_id) where tiktok_post_id <> '';

-- What may be one of a creator's videos and has no public id yet: young posts, and those that never get one.
create index posts_unnamed on posts (account_id)
    where public_post_ids = '{}' and state in ('initializing', 'uploading', 'processing', 'unconfirmed', 'in_inbox', 'published')
    and (request ->> 'privacy_level' = 'PUBLIC_TO_EVERYONE' or request ->> 'mode' = 'inbox');
