"""JSON Lines, as Spark writes it."""
