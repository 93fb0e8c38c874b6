"""The rows of reviews and of their chain."""
