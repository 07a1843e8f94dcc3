"""Provides SFTP servers for tests, and the pytest plugin; import them from `sftp_async.testing`."""
