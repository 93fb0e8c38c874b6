"""What a shop, an order and an invitation are, as values: no I/O, no clock, no framework."""
