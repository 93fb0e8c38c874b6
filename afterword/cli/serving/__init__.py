"""The commands that stay: serve and dispatch."""
