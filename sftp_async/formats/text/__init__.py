"""Plain text, one line per row."""
