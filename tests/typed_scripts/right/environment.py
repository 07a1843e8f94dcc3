"""Values that may be absent, from the environment."""

import os

from sftp_async import SFTPOptions

SFTPOptions(
    host=os.environ["SFTP_HOST"],
    port=os.environ.get("SFTP_PORT"),
    username=os.environ.get("SFTP_USER", "partner"),
    password=os.environ.get("SFTP_PASSWORD"),
    private_key_content=os.getenv("SFTP_KEY"),
)
