"""Archives or deletes the files that a stream has read."""
