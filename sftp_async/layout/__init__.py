"""Names and paths on the server, without I/O."""
