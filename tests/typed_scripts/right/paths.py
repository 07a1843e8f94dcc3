"""Paths as objects."""

from pathlib import Path, PurePosixPath

from sftp_async import SFTPOptions

SFTPOptions(
    host="sftp.example.com",
    username="partner",
    private_key_path=Path.home() / ".ssh" / "id_ed25519",
    known_hosts=Path("/etc/ssh/ssh_known_hosts"),
    path=PurePosixPath("/out/orders"),
    staging_dir=PurePosixPath("/staging"),
)
