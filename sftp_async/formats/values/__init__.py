"""The text of column values, as several formats write it."""
