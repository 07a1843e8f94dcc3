"""One file per row: the bytes of a binary column."""
