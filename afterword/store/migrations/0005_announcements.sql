-- On a cluster, where each look for what is due asks every shard, its number says that there is something new to look for.
CREATE SEQUENCE announcements;  -- sqlite:
