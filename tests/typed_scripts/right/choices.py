"""Choices in the spelling of Spark's users, and variables that hold one."""

from sftp_async import SFTPOptions


def read_options(mode: str) -> SFTPOptions:
    return SFTPOptions(
        host="sftp.example.com",
        username="partner",
        password="env:SFTP_PASSWORD",
        mode=mode,
        compression="GZIP",
        commit_mode="rename",
        channels_per_file="auto",
        split=False,
    )


read_options("FAILFAST")
