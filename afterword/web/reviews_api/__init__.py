"""The public and the private reviews API, both read-only."""
