"""People: customers as they are named and addressed, whom a shop may not write to, and who signs in for a shop."""
