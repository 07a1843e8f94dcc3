"""One read, without Spark: which files, how tasks share them, and how their rows are read."""
