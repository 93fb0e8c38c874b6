"""The long-running commands: serve and dispatch."""
