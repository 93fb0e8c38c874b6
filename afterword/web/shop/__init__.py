"""A shop's public pages: its reviews, its chain, its feeds."""
