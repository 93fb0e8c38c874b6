"""Pages for operators and programmers: health, metrics, API docs."""
