"""A shop's public pages: reviews, the chain, and feeds."""
