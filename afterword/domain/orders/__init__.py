"""Orders as shops send them: read, checked and answered. Values alone."""
