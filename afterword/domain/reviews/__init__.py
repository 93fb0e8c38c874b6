"""Reviews, their moderation and their chain. Values alone."""
