"""What every layer uses: settings, the clock, ids and keys, files, the log, errors."""
