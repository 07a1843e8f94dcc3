"""Excel files: one sheet of typed cells."""
