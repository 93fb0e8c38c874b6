"""Afterword's main door, as a Python team would write it by default: FastAPI, pydantic, SQLAlchemy, uvicorn, on
SQLite or PostgreSQL. What benchmark h measures Afterword beside.

The same work:
- Each order is validated by itself, all of its fields, by pydantic models, and the address by email-validator.
- An order that was sent before, or whose reference was, is not imported, whichever requests race: unique keys decide.
- An order and its invitation are one transaction, one a request, on the disk before the answer (SQLite:
  synchronous=FULL; PostgreSQL: its default). The answer counts orders and names the places of what is wrong.

What a careful team would do, where others would do worse:
- The rows of a request go in together, by SQLAlchemy's own bulk insert of plain values with ON CONFLICT DO NOTHING
  and RETURNING. Objects of the ORM with `add_all`, after one look-up of what is there, took 1.4 to 1.9 times as long,
  a look-up for each order 4 to 8 times, and both are wrong in a race.
- One connection is taken, late, and held for one transaction; on SQLite the pool is small, which is quicker.

What it leaves out: JSON bodies, `details`, tolerances for older modules, sharing a commit, bodies that are larger
than memory, and any process beside uvicorn's one. So it does a little less than Afterword, never more.
"""
