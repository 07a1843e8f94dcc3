"""CSV, as Spark writes it."""
