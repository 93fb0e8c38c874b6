"""Databases and transactions on SQLite and PostgreSQL. Knows nothing of orders or reviews."""
