"""Names from other tools."""

from sftp_async import SFTPOptions

SFTPOptions(
    hostname="sftp.example.com",
    user="partner",
    key_filename="~/.ssh/id_ed25519",
    passphrase="file:/run/secrets/passphrase",
    delimiter=";",
    codec="gzip",
    strict_host_key_checking=True,
)
