"""Pages for the shop's people: what came, what was sent, what waits for a decision."""
