"""Settings in a dictionary of text, as `to_spark` returns them."""

from sftp_async import SFTPOptions

settings = {"host": "sftp.example.com", "username": "partner", "password": "env:SFTP_PASSWORD"}
SFTPOptions(**settings)
SFTPOptions(port=2222, **settings)
