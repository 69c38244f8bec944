-- What a producer sent, newest first. Its key fills a page quickly by walking all that is new only while
-- it sends much: one that sent a little, or stopped, had the whole table read. (Rejected: to look at so
-- many of the newest and no further, because a list without an end is not one that can be paged; an
-- index over rare keys alone, because no key is rare at first.) It grows at one place for each key, so
-- the pages that intake writes are always in memory.
CREATE INDEX notification_producer ON notification (producer_key_id, id);
