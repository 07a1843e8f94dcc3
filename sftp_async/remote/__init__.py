"""The remote file system: connection pool, retries, uploads and downloads."""
