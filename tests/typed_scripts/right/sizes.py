"""Sizes, durations and switches, as numbers and as text."""

from datetime import timedelta

from sftp_async import SFTPOptions

SFTPOptions(
    host="sftp.example.com",
    username="partner",
    password="env:SFTP_PASSWORD",
    port="2222",
    chunk_size="8MiB",
    max_buffer_bytes=64 * 1024**2,
    connect_timeout="10s",
    stall_timeout=90,
    idle_timeout=timedelta(minutes=2),
    retry_delay=0.5,
    header=True,
    manifest="true",
)
