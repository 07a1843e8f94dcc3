"""Parquet, with Spark's schema in the metadata."""
