"""Whole databases: copied from one engine to another, compared, and spread over a Citus cluster."""
