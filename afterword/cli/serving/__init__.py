"""The commands that keep running: serve and dispatch."""
