"""A URL, a copy with changes, and what else users call."""

from sftp_async import OptionsError, SFTPConnectionTester, SFTPOptions, explain

try:
    options = SFTPOptions.from_url(
        "sftp://partner@sftp.example.com:2222/out", password="env:SFTP_PASSWORD", header=True
    )
    SFTPOptions.from_profile("partner", port=2222)
    SFTPOptions.from_env(path="/out")
    changed = options.model_copy(update={"path": "/out/orders"})
    SFTPConnectionTester.from_options(changed)
    SFTPOptions(url="sftp://partner@sftp.example.com/out", password="env:SFTP_PASSWORD")
except OptionsError as error:
    print(explain(error))
