"""The HTTP entry point: APIs and pages."""
