"""SSH and SFTP: next to the embedded test server, the only package that imports asyncssh.

`connect` returns a verified, authenticated `Connection`, which implements `RemoteFileSystem`. Every
foreign exception leaves this package as one of `sftp_async.errors`.
"""

from sftp_async.remote.ssh.capabilities import Capabilities
from sftp_async.remote.ssh.connect import check_usable, connect
from sftp_async.remote.ssh.connection import Connection
from sftp_async.remote.ssh.error_mapping import network_error
from sftp_async.remote.ssh.host_key_scan import HostKey, scan_host_keys
from sftp_async.remote.ssh.remote_file import SFTPFile

__all__ = [
    "Capabilities",
    "Connection",
    "HostKey",
    "SFTPFile",
    "check_usable",
    "connect",
    "network_error",
    "scan_host_keys",
]
