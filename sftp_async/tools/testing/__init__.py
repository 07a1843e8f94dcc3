"""SFTP servers for tests and demos, and the pytest plugin that starts them."""
