"""The door that a request opens."""
