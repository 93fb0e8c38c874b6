"""The rows of reviews and their chain."""
