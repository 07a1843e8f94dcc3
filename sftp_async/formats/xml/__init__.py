"""XML, as Spark writes it."""
