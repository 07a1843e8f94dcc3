"""Several values: as text, as a list, as a tuple."""

from datetime import UTC, datetime

from sftp_async import SFTPOptions

SFTPOptions(
    host="sftp.example.com",
    username="partner",
    password="env:SFTP_PASSWORD",
    partition_by=["country", "day"],
    ciphers=("aes256-gcm@openssh.com", "aes128-gcm@openssh.com"),
    ignore_suffixes=".part,.tmp",
    modified_after=datetime(2026, 11, 1),
    modified_time=datetime(2026, 11, 1, tzinfo=UTC),
)
