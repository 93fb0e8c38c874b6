"""Reviews, their moderation and their chain, as pure values and functions."""
