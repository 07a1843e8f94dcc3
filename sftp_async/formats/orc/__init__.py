"""ORC, with the types of Spark's own files."""
