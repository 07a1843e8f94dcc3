"""The Spark data source: the only folder that imports PySpark."""
