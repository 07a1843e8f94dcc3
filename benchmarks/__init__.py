"""The benchmark suite: this project beside what its users would use instead, on the same data."""
