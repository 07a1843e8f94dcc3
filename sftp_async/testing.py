"""SFTP servers for your own tests, under the path that users import."""

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from sftp_async.tools.testing.test_server import SFTPTestServer

__all__ = ["EmbeddedServer", "FolderServer", "SFTPTestServer"]
