"""Tests: unit (no sockets), functional (embedded server), spark, integration (OpenSSH)."""
