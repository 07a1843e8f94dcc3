"""Implements `sftp-async keyscan`, which shows the host keys of a server."""

from __future__ import annotations

from dataclasses import asdict

from sftp_async.errors import ConnectError
from sftp_async.tools.cli.output import Output, host_key_option
from sftp_async.tools.cli.target import Host

_CAUTION = (
    "Nothing is trusted yet: an attacker between this machine and the server could have presented "
    "these keys. Compare a fingerprint with the one that the server's operator confirms."
)


def keyscan(host: Host, output: Output) -> None:
    """Show the host keys of a server: known_hosts lines, fingerprints, and the option to set.

    The command does not log in, and it neither trusts nor saves a key. Standard output has the
    known_hosts lines only. To trust confirmed keys: `sftp-async keyscan HOST >> ~/.ssh/known_hosts`
    """
    from sftp_async.remote.ssh import scan_host_keys
    from sftp_async.tools.cli.run import run

    options = host.options.resolve()
    keys = run(scan_host_keys(options))
    if not keys:
        raise ConnectError(
            "The server presented no host key of a supported type",
            host=options.address.rpartition("@")[2],
            hint="If the server is old, try -o legacy_algorithms=true",
        )
    fingerprint = keys[0].fingerprint
    output.document(
        {
            "host": options.host,
            "port": options.port,
            "trusted": False,
            "keys": [asdict(key) for key in keys],
            "options": {"host_key_fingerprint": fingerprint},
            "caution": _CAUTION,
        }
    )
    if output.as_json:
        return
    for key in keys:
        output.line(key.line)
    for key in keys:
        output.note(f"# {key.fingerprint}  {key.algorithm}", None)
    output.note(f"# {_CAUTION}")
    output.note(f'# Then, for a job: .option("host_key_fingerprint", "{fingerprint}")', None)
    output.note(f"# and for this command: {host_key_option(fingerprint)}", None)
