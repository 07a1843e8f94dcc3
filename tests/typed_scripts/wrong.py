"""Mistakes that a type checker must find: one in each marked line, and none elsewhere."""

from sftp_async import SFTPOptions, SFTPOptionsDict

SFTPOptions(hots="x")  # wrong
SFTPOptions(compresion="gzip")  # wrong
SFTPOptions(port=[1])  # wrong
SFTPOptions(header=1.5)  # wrong
SFTPOptions(chunk_size=b"8MiB")  # wrong
SFTPOptions(partition_by={"a": 1})  # wrong
SFTPOptions("sftp.example.com")  # wrong
SFTPOptions.from_url("sftp://h", usernam="me")  # wrong
print(SFTPOptions(host="h").prot)  # wrong
settings: SFTPOptionsDict = {"hots": "x"}  # wrong
