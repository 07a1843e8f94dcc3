"""Settings in a dictionary that the checker knows, passed through a function of one's own."""

from typing import Unpack

from sftp_async import SFTPOptions, SFTPOptionsDict

settings: SFTPOptionsDict = {"host": "sftp.example.com", "port": 2222}


def partner(**more: Unpack[SFTPOptionsDict]) -> SFTPOptions:
    return SFTPOptions(**more)


SFTPOptions(**settings)
partner(username="partner", password="env:SFTP_PASSWORD")
