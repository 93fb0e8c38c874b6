"""The Orders API: orders in, how many were imported out."""
