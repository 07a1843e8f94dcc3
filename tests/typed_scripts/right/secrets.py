"""Secrets in an object that does not show them."""

from pydantic import SecretStr

from sftp_async import SFTPOptions

options = SFTPOptions(
    host="sftp.example.com", username="partner", password=SecretStr("a secret of a vault")
)
shown: SecretStr | None = options.password
port: int = options.port
