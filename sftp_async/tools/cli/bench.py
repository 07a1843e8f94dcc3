"""Implements `sftp-async bench`, which measures uploads with several settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    from sftp_async.tools.cli.bench_run import Measurement

T = TypeVar("T")

#: Of the fastest throughput: what is worth no further connection.
ABOUT = 0.9
#: Seconds below which a measurement says more about its start than about the server.
SHORTEST = 1.0


def bench(
    server: Server,
    output: Output,
    size: Annotated[
        str,
        typer.Option("--size", metavar="SIZE", help="Bytes that one measurement uploads in all."),
    ] = "64MiB",
    connections: Annotated[
        str,
        typer.Option(
            "--connections",
            metavar="N,N",
            help="Numbers of connections; each connection uploads one file.",
        ),
    ] = "1,2,4",
    channels_per_file: Annotated[
        str,
        typer.Option(
            "--channels-per-file",
            metavar="N,N",
            help="Numbers of SFTP channels used in parallel for one file: `auto`, or 1 to 8.",
        ),
    ] = "auto",
) -> None:
    """Measure the throughput of uploads for each number of connections and channels.

    The command writes hidden files of random data to the target directory, and removes them. It is
    one process on this machine, while a Spark job has several. At the end it recommends a setting.
    """
    from sftp_async.options import parsing as p
    from sftp_async.tools.cli.bench_run import Setting, measure
    from sftp_async.tools.cli.run import run

    positive = p.at_least(1)
    problems: list[str] = []
    sizes = _parsed([size], lambda text: positive(p.parse_size(text)), "--size", problems)
    counts = _parsed(
        connections.split(","), lambda text: positive(p.parse_int(text)), "--connections", problems
    )
    channels = _parsed(
        channels_per_file.split(","), p.parse_channels, "--channels-per-file", problems
    )
    if problems:
        raise OptionsError(problems)
    [total] = sizes
    settings = [Setting(count, each) for each in channels for count in counts]
    output.line(f"{server.options.address}, {size} per measurement")
    output.line(f"{'connections':>11}  {'channels':>8}  {'seconds':>8}  {'MB/s':>8}", "bold")
    results = []
    for setting in settings:
        result = run(measure(server.options, server.path or ".", setting, total))
        results.append(result)
        output.line(
            f"{result.connections:>11}  {result.channels_per_file:>8}  {result.seconds:>8.2f}  "
            f"{result.megabytes_per_second:>8,.1f}"
        )
    best = recommended(results)
    output.document(
        {
            "path": server.path or ".",
            "bytes": total,
            "results": [asdict(r) for r in results],
            "recommended": {
                "max_connections": best.connections,
                "channels_per_file": best.channels_per_file,
            },
        }
    )
    output.line()
    output.line(
        f"Recommended: -o max_connections={best.connections} "
        f"-o channels_per_file={best.channels_per_file}",
        "green",
    )
    if best.seconds < SHORTEST:
        output.line(
            f"It took {best.seconds:.2f} s, which says little: measure again with a larger --size.",
            "yellow",
        )


def recommended(results: Sequence[Measurement]) -> Measurement:
    """Return the measurement with the fewest connections and channels that is about the fastest."""
    fastest = max(result.megabytes_per_second for result in results)
    enough = [each for each in results if each.megabytes_per_second >= ABOUT * fastest]
    return min(enough, key=lambda each: (each.connections, str(each.channels_per_file) != "auto"))


def _parsed(
    texts: Iterable[str], parse: Callable[[object], T], option: str, problems: list[str]
) -> list[T]:
    """Return the parsed values; if one is invalid, add a sentence to `problems`."""
    try:
        return [parse(text) for text in texts]
    except ValueError as error:
        problems.append(f"{option} {error}.")
        return []
