"""`sftp-async bench`: how fast a server takes files, for some settings of this package."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server


def bench(
    server: Server,
    output: Output,
    size: Annotated[
        str, typer.Option("--size", metavar="SIZE", help="Bytes of one measurement, all files.")
    ] = "64MiB",
    connections: Annotated[
        str, typer.Option("--connections", metavar="N,N", help="Connections, with a file each.")
    ] = "1,2,4",
    channels_per_file: Annotated[
        str,
        typer.Option(
            "--channels-per-file",
            metavar="N,N",
            help="SFTP channels used in parallel for each file: `auto`, or 1 to 8.",
        ),
    ] = "auto",
) -> None:
    """Measure uploads: generated data, for each number of connections and channels.

    Writes hidden files to the target directory, and removes them. One process on this machine: a
    Spark job has several.
    """
    from sftp_async.options import parsing
    from sftp_async.tools.cli.bench_run import Setting, measure
    from sftp_async.tools.cli.run import run

    try:
        total = parsing.parse_size(size)
        settings = [
            Setting(parsing.parse_int(count), parsing.parse_channels(channels))
            for channels in channels_per_file.split(",")
            for count in connections.split(",")
        ]
    except ValueError as error:
        raise OptionsError(f"--size, --connections or --channels-per-file {error}.") from None
    if total < 1 or any(setting.connections < 1 for setting in settings):
        raise OptionsError("--size and --connections must be at least 1.")
    output.line(f"{server.options.address}, {size} a measurement")
    output.line(f"{'connections':>11}  {'channels':>8}  {'seconds':>8}  {'MB/s':>8}", "bold")
    results = []
    for setting in settings:
        result = run(measure(server.options, server.path or ".", setting, total))
        results.append(result)
        output.line(
            f"{result.connections:>11}  {result.channels_per_file:>8}  {result.seconds:>8.2f}  "
            f"{result.megabytes_per_second:>8,.1f}"
        )
    output.document(
        {"path": server.path or ".", "bytes": total, "results": [asdict(r) for r in results]}
    )
