"""A Citus cluster for tests, named by AFTERWORD_TEST_CITUS. For the tests of `migrate --citus`, also a plain
PostgreSQL with stand-ins for the functions of Citus."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

CLUSTER = os.environ.get("AFTERWORD_TEST_CITUS", "")
"""The address of a database with Citus on the coordinator. Each test has a schema of its own in it."""


@contextmanager
def new_schema(cluster: str) -> Iterator[str]:
    """The address of an empty schema there. Four shards per table are created faster than 32."""
    name = f"afterword_test_{os.getpid()}_{time.monotonic_ns()}"
    _run(cluster, f"CREATE SCHEMA {name}")
    try:
        options = f"options=-csearch_path%3D{name}%20-ccitus.shard_count%3D4"
        yield f"{cluster}{'&' if '?' in cluster else '?'}{options}"
    finally:
        _run(cluster, f"DROP SCHEMA {name} CASCADE")


def _run(cluster: str, sql: str) -> None:
    """On a new connection: a test may have broken the lines of an older one to the nodes."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(sql)  # type: ignore[call-overload]


def pretend_citus(database: str, synchronous_commit: str = "on") -> None:
    """Creates functions in this database that behave as documented by Citus, on one node: they record a table, and
    refuse what Citus refuses. They distribute nothing."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(STAND_IN.replace("SYNCHRONOUS_COMMIT", synchronous_commit))  # type: ignore[call-overload]


STAND_IN = """
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 90001, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.0-1';

CREATE TABLE pg_dist_partition (
    logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL, partkey text NOT NULL, colocationid int NOT NULL
);

CREATE TABLE truncated (table_name regclass NOT NULL);

CREATE FUNCTION create_distributed_table(
    table_name regclass, distribution_column text, colocate_with text DEFAULT 'default'
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
    colocated int := table_name::oid::int;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = table_name) THEN
        RAISE EXCEPTION 'table "%" is already distributed', table_name;
    END IF;
    SELECT indexrelid::regclass INTO wrong FROM pg_index i
    WHERE i.indrelid = table_name AND i.indisunique AND NOT EXISTS (
        SELECT 1 FROM pg_attribute a
        WHERE a.attrelid = table_name AND a.attname = distribution_column AND a.attnum = ANY (i.indkey));
    IF FOUND THEN
        RAISE EXCEPTION 'cannot create constraint on "%": %', table_name, wrong;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = table_name AND contype IN ('f', 'x')) THEN
        RAISE EXCEPTION 'foreign keys and exclusions need a second look: %', table_name;
    END IF;
    IF current_setting('citus.shard_replication_factor') <> '1'
    OR current_setting('citus.multi_shard_modify_mode') <> 'sequential' THEN
        RAISE EXCEPTION 'not in the way that was meant';
    END IF;
    IF colocate_with NOT IN ('none', 'default') THEN
        SELECT colocationid INTO colocated FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'relation % is not distributed', colocate_with;
        END IF;
    END IF;
    INSERT INTO pg_dist_partition VALUES (table_name, 'h', distribution_column, colocated);
END $$;

CREATE FUNCTION truncate_local_data_after_distributing_table(function_table_name regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = function_table_name) THEN
        RAISE EXCEPTION 'supplied parameter is not a distributed relation';
    END IF;
    INSERT INTO truncated VALUES (function_table_name);
END $$;

CREATE FUNCTION run_command_on_workers(
    command text, OUT nodename text, OUT nodeport int, OUT success boolean, OUT result text
) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT 'worker-1', 5432, true,
           CASE WHEN command LIKE '%node_conninfo%' THEN current_setting('citus.node_conninfo')
                ELSE 'SYNCHRONOUS_COMMIT' END
$$;
"""
