"""Provides SFTP servers for your own tests, and runs one with `python -m sftp_async.testing`."""

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from sftp_async.tools.testing.test_server import SFTPTestServer

__all__ = ["EmbeddedServer", "FolderServer", "SFTPTestServer"]

if __name__ == "__main__":
    from sftp_async.tools.testing.command import main

    main()
