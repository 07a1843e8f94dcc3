"""`sftp-async keyscan`: the host keys of a server, to be compared and then trusted."""

from __future__ import annotations

from dataclasses import asdict

from sftp_async.errors import ConnectError
from sftp_async.tools.cli.output import Output, paste_host_key
from sftp_async.tools.cli.target import Host

_CAUTION = (
    "Nothing is trusted yet: whoever sits between here and the server could have shown these "
    "keys. Compare a fingerprint with the one that the server's operator names."
)


def keyscan(host: Host, output: Output) -> None:
    """Show the host keys of a server: known_hosts lines, fingerprints, and the option to paste.

    No login is tried, and nothing is trusted or saved. known_hosts lines are on standard output
    alone: `sftp-async keyscan HOST >> ~/.ssh/known_hosts`, once they are confirmed.
    """
    from sftp_async.remote.ssh import scan_host_keys
    from sftp_async.tools.cli.run import run

    options = host.options.resolve()
    keys = run(scan_host_keys(options))
    if not keys:
        raise ConnectError(
            "The server has shown no host key of a type that is known here",
            host=options.address.rpartition("@")[2],
            hint="If it is an old one, try -o legacy_algorithms=true",
        )
    paste = {"spark": keys[0].fingerprint, "cli": paste_host_key(keys[0].fingerprint)}
    output.document(
        {
            "host": options.host,
            "port": options.port,
            "trusted": False,
            "keys": [asdict(key) for key in keys],
            "options": {"host_key_fingerprint": paste["spark"]},
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
    output.note(f'# Then, for a job: .option("host_key_fingerprint", "{paste["spark"]}")', None)
    output.note(f"# and for this command: {paste['cli']}", None)
