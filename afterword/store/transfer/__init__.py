"""Moves whole databases: from one engine to another, and onto a Citus cluster."""
