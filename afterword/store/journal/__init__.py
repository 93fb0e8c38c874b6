"""The send journal, and how a database is kept in step with it (guarantee 9)."""
