from contextlib import closing

import apsw

from afterword.store.engine.migrate import migrations
from afterword.store.engine.postgres.connection import PostgresConnection
from tests.citus import pretend_citus
from tests.cli.command import Command
from tests.postgres import new_database

NEWEST = migrations()[-1][0]


def test_migrate_says_what_it_applied(afterword: Command) -> None:
    assert afterword.json("migrate") == {"schema": NEWEST, "applied": [number for number, _ in migrations()]}
    assert afterword.json("migrate") == {"schema": NEWEST, "applied": []}
    assert afterword.say("migrate") == f"The schema is up to date: {NEWEST}.\n"


def test_migrate_spreads_the_tables_of_a_cluster_once_and_makes_no_file_for_it(
    afterword: Command, postgres: str
) -> None:
    assert "this database is a SQLite file" in afterword.run("migrate", "--citus").sentence
    assert not afterword.data.exists()
    with new_database(postgres) as url:
        without = afterword.run("migrate", "--citus", AFTERWORD_DATABASE=url).sentence
        assert without.startswith("this PostgreSQL database has no Citus")
        pretend_citus(url)
        with closing(PostgresConnection(url)) as connection:
            connection.run("INSERT INTO imports SELECT 1, 1, n, n FROM generate_series(1, 250000) AS n")
            connection.run("ANALYZE")
        assert afterword.run("migrate", "--citus", AFTERWORD_DATABASE=url).err == (
            "Note: about 250,000 rows are copied to the nodes, which takes some 2 seconds. Until it is done, all "
            "requests wait, and orders are answered 503 after ten seconds, to be sent again.\n"
        )
        with closing(PostgresConnection(url)) as connection:
            connection.run("TRUNCATE pg_dist_partition, imports")
            connection.run("ANALYZE")
        done = afterword.json("migrate", "--citus", AFTERWORD_DATABASE=url)
        assert (done["schema"], done["applied"]) == (NEWEST, [])
        assert {"shops", "orders"} < set(done["spread"])
        again = afterword.say("migrate", "--citus", AFTERWORD_DATABASE=url)
        assert again.splitlines()[1] == "The tables are already distributed."


def test_a_database_of_a_newer_version_is_refused_by_every_command(afterword: Command) -> None:
    afterword.say("migrate")
    with closing(apsw.Connection(str(afterword.data / "afterword.db"))) as newer:
        newer.execute("INSERT INTO schema_versions VALUES (9999)")
    says = f"this database has schema 9999, but this version of Afterword knows only schema {NEWEST}"
    for words in (("migrate",), ("shop", "list"), ("serve",), ("backup", "b.db"), ("dispatch",)):
        assert afterword.run(*words).sentence.startswith(says)


def test_a_backup_is_whole_private_and_says_what_else_to_keep(afterword: Command) -> None:
    afterword.data.mkdir(mode=0o755)
    afterword.json("shop", "add", "Alba's bakery")
    said = afterword.say("backup", "monday.db")
    assert "send.journal" in said and "secret" in said
    copy = afterword.folder / "monday.db"
    for path in (copy, *afterword.data.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, f"{path} is private however open its folder is"
    assert sorted(path.name for path in afterword.folder.iterdir()) == ["data", "monday.db"]
    with closing(apsw.Connection(str(copy))) as restored:
        assert restored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert restored.execute("SELECT name FROM shops").fetchall() == [("Alba's bakery",)]


def test_a_backup_overwrites_nothing_and_tells_a_terminal_how_far_it_is(afterword: Command) -> None:
    assert "100 % of " in afterword.on_terminal("backup", "monday.db")
    again = afterword.run("backup", "monday.db").sentence
    assert again == "monday.db already exists: a backup never overwrites a file"
    made = afterword.json("backup", "tuesday.db")
    size = (afterword.folder / "tuesday.db").stat().st_size
    assert made == {"file": "tuesday.db", "bytes": size, "schema": NEWEST}
    (afterword.folder / "dangling.db").symlink_to("nowhere")
    assert "already exists" in afterword.run("backup", "dangling.db").sentence
    assert afterword.run("backup", "nowhere/b.db").sentence == "there is no folder nowhere"


def test_the_journal_is_copied_there_and_back(afterword: Command, postgres: str) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    with new_database(postgres) as rows:
        assert "AFTERWORD_JOURNAL" in afterword.say("copy-journal", "--to", rows)
        afterword.say("suppression", "add", "1", "diego@diaz.example", AFTERWORD_JOURNAL=rows)
        assert "or an older copy" in afterword.run("doctor").out.partition("\nACTION journal ")[2]
        size = afterword.json("copy-journal", "--to", str(afterword.folder / "back"), AFTERWORD_JOURNAL=rows)
        assert size == {"bytes": (afterword.folder / "back").stat().st_size}
        refused = afterword.run("copy-journal", "--to", rows).sentence
        assert refused.startswith("nothing was copied: another send")
    assert "neither the path" in afterword.run("copy-journal", "--to", "mysql://x").sentence
    (afterword.data / "send.journal").unlink()
    assert "no send journal" in afterword.run("copy-journal", "--to", "x").sentence
