"""The Orders API as a Python team would write it by default: FastAPI, pydantic, SQLAlchemy and uvicorn, on SQLite or
PostgreSQL. Benchmark h compares Afterword with it.

The same work:
- Each order is validated separately, all its fields by pydantic models, and the address by email-validator.
- An order whose id or reference was sent before is not imported, also when requests race: unique keys decide.
- An order and its invitation are stored in one transaction per request, which is durable before the answer (SQLite:
  synchronous=FULL; PostgreSQL: its default). The answer counts orders and names invalid fields.

Where there are alternatives, it does what a careful team would do:
- The rows of a request are inserted together, by SQLAlchemy's bulk insert of plain values with ON CONFLICT DO NOTHING
  and RETURNING. ORM objects with `add_all`, after one query for existing orders, took 1.4 to 1.9 times as long; a
  query per order took 4 to 8 times as long; and both are wrong in a race.
- A connection is acquired late, and held for one transaction; on SQLite the pool is small, which is faster.

It leaves out JSON bodies, `details`, tolerances for older modules, group commit, bodies larger than memory, and
processes other than uvicorn's. So it does a little less than Afterword, never more.
"""
