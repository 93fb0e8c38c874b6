"""The ground floor: settings, the clock, ids and keys."""
