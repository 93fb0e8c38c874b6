"""The entry point that the clock opens: what is due is claimed, written and sent."""
