"""The benchmark suite: this project compared with its alternatives on the same data."""
