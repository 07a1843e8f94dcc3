"""A write as the first page shows it."""

from sftp_async import SFTPOptions

options = SFTPOptions(host="sftp.example.com", username="partner", password="env:SFTP_PASSWORD")
settings: dict[str, str] = options.to_spark()
