-- Spreads the tables of the shops over the nodes of a Citus cluster. All rows of a shop are on one node, since every
-- table is spread by shop_id and lies together with `shops`. `afterword migrate --citus` runs this in one transaction.
-- What has no shop_id (counters, journals, schema_versions and the like) stays on the coordinator, as it is.

-- Copying the rows takes as long as it takes.
SET LOCAL statement_timeout = 0;

-- One connection to each node, so that all tables can be spread in one transaction.
SET LOCAL citus.multi_shard_modify_mode = 'sequential';

-- Copies of a shard are what standbys are for; rows that have copies cannot be locked (FOR UPDATE).
SET LOCAL citus.shard_replication_factor = 1;

-- No unique key spans the nodes. Names are kept unique under a lock: see add_shop.
ALTER TABLE shops DROP CONSTRAINT IF EXISTS shops_name_key;

SELECT create_distributed_table('shops', 'shop_id', colocate_with => 'none');
SELECT create_distributed_table('keys', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('orders', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('refused_orders', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('refused_counts', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('figures', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('messages', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('suppressions', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('journaled', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('reviews', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('past_versions', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('imports', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('review_counts', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('chain', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('chain_heads', 'shop_id', colocate_with => 'shops');
SELECT create_distributed_table('webhooks', 'shop_id', colocate_with => 'shops');

-- By this one shard says when its next message is due, of either mode and any queue: see next_due.
CREATE INDEX IF NOT EXISTS messages_by_next ON messages (next_try_at) WHERE state = 'scheduled';
