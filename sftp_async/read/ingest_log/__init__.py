"""What a stream remembers: in Spark's checkpoint, or in a log on a file system."""
