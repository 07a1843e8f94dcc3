"""Streams: which files each micro-batch reads, and when they are complete."""
