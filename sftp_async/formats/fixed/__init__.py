"""Fixed-width files: records whose columns stand at fixed positions."""
