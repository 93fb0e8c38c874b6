"""The programs whose runs test_disk.py records."""

ORDERS = """
import os, sys, threading, time, apsw
data = os.environ["AFTERWORD_DATA"]
synchronous, rows, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "wal"

def acknowledge(what, number):
    os.write(1, f"{what} {number} {time.monotonic_ns()}\\n".encode())

def write_journal():
    journal = os.open(os.path.join(data, "send.journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in range(rows):
        os.write(journal, f"{number} sent to Clara\\n".encode())
        os.fsync(journal)
        acknowledge("line", number)

def import_orders():
    database = apsw.Connection(os.path.join(data, "afterword.db"))
    assert database.execute(f"PRAGMA journal_mode={mode}").get == mode
    assert database.execute("PRAGMA mmap_size").get in (0, None)
    database.execute(f"PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint=60")
    database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, bread TEXT)")
    first = database.execute("SELECT count(*) FROM orders").get
    for number in range(first, first + rows):
        database.execute("INSERT INTO orders VALUES (?, ?)", (number, "rye " * (number % 400)))
        acknowledge("order", number)
        if number == first + rows - 2:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").get
    return database

journalist = threading.Thread(target=write_journal)
journalist.start()
database = import_orders()
journalist.join()
os._exit(0)
"""
"""Writes orders to SQLite in one thread and lines to a journal in another, and acknowledges each.

It exits without closing the database, so that the WAL is not checkpointed.
"""

FILES = """
import os, sys
os.chdir(os.environ["AFTERWORD_DATA"])

def write(path, content, sync):
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, content)
    if sync:
        os.fsync(file)
    os.close(file)

def sync_folder(path):
    folder = os.open(path, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)

how = sys.argv[1]
if how == "journal":
    write("send.journal", b"1 Clara\\n", sync=True)
    write("send.journal", b"2 Diego" + b"." * 2_000 + b"\\n", sync=False)
elif how == "truncate":
    write("send.journal", b"1 Clara\\n2 Die", sync=True)
    journal = os.open("send.journal", os.O_WRONLY)
    os.ftruncate(journal, 8)
elif how == "create":
    with open("buffered", "wb") as buffered:
        buffered.write(b"Clara")
        buffered.flush()
        os.fsync(buffered.fileno())
    write("unsynced", b"Bruno", sync=False)
else:
    os.mkdir("outbox")
    write("outbox/message.eml", b"old" * 900, sync=True)
    sync_folder("outbox")
    if how == "delete":
        os.unlink("outbox/message.eml")
    else:
        write("outbox/message.tmp", b"new" * 900, sync="not synced" not in how and "nothing" not in how)
        os.rename("outbox/message.tmp", "outbox/message.eml")
    if "folder synced" in how:
        sync_folder("outbox")
"""
"""Changes a journal, new files, or a message in the outbox, as its first argument says."""
