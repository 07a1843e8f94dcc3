"""The wire: the only room of the floors that imports asyncssh.

`connect` gives a verified, authenticated `Connection`; its methods are the remote file operations
the rest of the house uses, and every foreign exception leaves here as one of `sftp_async.errors`.
"""

from sftp_async.remote.ssh.capabilities import Capabilities
from sftp_async.remote.ssh.connect import check_usable, connect
from sftp_async.remote.ssh.connection import Connection
from sftp_async.remote.ssh.error_mapping import network_error
from sftp_async.remote.ssh.host_key_scan import HostKey, scan_host_keys
from sftp_async.remote.ssh.remote_file import RemoteFile

__all__ = [
    "Capabilities",
    "Connection",
    "HostKey",
    "RemoteFile",
    "check_usable",
    "connect",
    "network_error",
    "scan_host_keys",
]
