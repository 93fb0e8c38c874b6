"""Settings, clock, ids and keys, files, logging, metrics and errors: used by every layer."""
