"""Column values as text and as file format types."""
