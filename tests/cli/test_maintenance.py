import json
import os
import pty
import stat
import subprocess
from contextlib import closing

import apsw

from afterword.store.engine.migrate import migrations
from tests.citus import pretend_citus
from tests.cli.command import AFTERWORD, Command, free_port
from tests.postgres import new_database

NEWEST = migrations()[-1][0]


def test_migrate_says_what_it_applied(afterword: Command) -> None:
    assert afterword.json("migrate") == {"schema": NEWEST, "applied": [number for number, _ in migrations()]}
    assert afterword.json("migrate") == {"schema": NEWEST, "applied": []}
    assert afterword.say("migrate") == f"The schema is up to date: {NEWEST}.\n"


def test_migrate_spreads_the_tables_of_a_cluster_once(afterword: Command, postgres: str) -> None:
    with new_database(postgres) as url:
        without = afterword.run("migrate", "--citus", AFTERWORD_DATABASE=url).sentence
        assert without.startswith("this PostgreSQL database has no Citus")
        pretend_citus(url)
        done = afterword.json("migrate", "--citus", AFTERWORD_DATABASE=url)
        assert (done["schema"], done["applied"]) == (NEWEST, [])
        assert {"shops", "orders"} < set(done["spread"])
        again = afterword.say("migrate", "--citus", AFTERWORD_DATABASE=url)
        assert again.splitlines()[1] == "The tables are already distributed."


def test_a_file_is_not_spread_and_not_made_either(afterword: Command) -> None:
    assert "this database is a SQLite file" in afterword.run("migrate", "--citus").sentence
    assert not afterword.data.exists()


def test_a_database_of_a_newer_version_is_refused_by_every_command(afterword: Command) -> None:
    afterword.say("migrate")
    with closing(apsw.Connection(str(afterword.data / "afterword.db"))) as newer:
        newer.execute("INSERT INTO schema_versions VALUES (9999)")
    for words in (("migrate",), ("shop", "list"), ("serve",), ("backup", "b.db"), ("dispatch",)):
        said = afterword.run(*words, AFTERWORD_PORT=free_port()).sentence
        assert said.startswith(
            f"this database has schema 9999, but this version of Afterword knows only schema {NEWEST}"
        )


def test_a_backup_is_whole_private_and_says_what_else_to_keep(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    said = afterword.say("backup", "monday.db")
    assert "send.journal" in said
    assert "secret" in said
    copy = afterword.folder / "monday.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in afterword.folder.iterdir()) == ["data", "monday.db"]
    with closing(apsw.Connection(str(copy))) as restored:
        assert restored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert restored.execute("SELECT name FROM shops").fetchall() == [("Alba's bakery",)]


def test_a_backup_overwrites_nothing(afterword: Command) -> None:
    told = afterword.json("backup", "monday.db")
    assert told == {
        "file": "monday.db",
        "bytes": (afterword.folder / "monday.db").stat().st_size,
        "schema": NEWEST,
    }
    assert (
        afterword.run("backup", "monday.db").sentence
        == "monday.db already exists: a backup never overwrites a file"
    )
    (afterword.folder / "dangling.db").symlink_to("nowhere")
    assert "already exists" in afterword.run("backup", "dangling.db").sentence
    assert afterword.run("backup", "nowhere/b.db").sentence == "there is no folder nowhere"


def test_a_backup_tells_a_terminal_how_far_it_is(afterword: Command) -> None:
    afterword.say("migrate")
    mine, theirs = pty.openpty()
    subprocess.run(
        [*AFTERWORD, "backup", "monday.db", "--json"],
        cwd=afterword.folder,
        env=afterword.environment,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    with os.fdopen(mine, "rb", buffering=0) as terminal:
        assert b"100 % of " in terminal.read(1_000)


def test_what_is_made_is_private_however_open_the_folder_is(afterword: Command) -> None:
    afterword.data.mkdir(mode=0o755)
    afterword.json("shop", "add", "Alba's bakery")
    for path in afterword.data.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_journal_is_copied_and_goes_on_at_the_other_place(afterword: Command, postgres: str) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    afterword.say("suppression", "add", "1", "diego@diaz.example", "--reason", "bounced")
    with new_database(postgres) as rows:
        said = afterword.say("copy-journal", "--to", rows)
        assert "AFTERWORD_JOURNAL" in said
        afterword.say("suppression", "remove", "1", "diego@diaz.example", AFTERWORD_JOURNAL=rows)
        held = afterword.run("doctor", "--json")
        levels = {each["check"]: each["level"] for each in json.loads(held.out)["checks"]}
        assert levels["journal"] == "action"
        size = afterword.json("copy-journal", "--to", str(afterword.folder / "back"), AFTERWORD_JOURNAL=rows)
        assert size == {"bytes": (afterword.folder / "back").stat().st_size}
        assert afterword.run("copy-journal", "--to", rows).sentence.startswith(
            "nothing was copied: another send"
        )
    assert "neither the path" in afterword.run("copy-journal", "--to", "mysql://x").sentence
    (afterword.data / "send.journal").unlink()
    assert "no send journal" in afterword.run("copy-journal", "--to", "x").sentence
