"""Deliveries to programs: signed, and sent only to networks that may be reached."""
