"""The door that the clock opens: what is due is claimed, written and sent."""
