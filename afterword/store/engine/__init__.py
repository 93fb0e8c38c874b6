"""Databases and transactions, whichever engine keeps the rows. Knows no orders and no reviews."""
