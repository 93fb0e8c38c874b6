"""The first page: what needs a person, and figures."""
