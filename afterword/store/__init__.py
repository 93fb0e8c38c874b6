"""The rows: one writer with group commit, many readers, and the send journal beside them."""
