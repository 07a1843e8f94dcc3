"""JSON Lines and documents, as Spark writes and reads them."""
