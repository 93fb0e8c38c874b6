"""The send journal, and keeping a database in step with it (guarantee 9)."""
