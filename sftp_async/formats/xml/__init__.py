"""XML, as Spark writes and reads it."""
