"""`python -m sftp_async` is the command `sftp-async`."""

from sftp_async.tools.cli import main

if __name__ == "__main__":
    main()
