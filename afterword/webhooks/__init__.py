"""Programs that are told what becomes of reviews: signed messages, to where the network may be reached."""
