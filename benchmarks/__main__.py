"""`python -m benchmarks`: runs workloads and reports; `tox -e bench` calls it."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from benchmarks.backends import NoServerError
from benchmarks.charts import draw
from benchmarks.context import Context
from benchmarks.data import cache_directory
from benchmarks.report import Report
from benchmarks.servers import KINDS, start_server
from benchmarks.tables import TEXT, markdown, show
from benchmarks.workloads import NAMES, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.workloads import Workload

QUICK_ROUNDS, FULL_ROUNDS = 1, 5
LOG_WIDTH = 190  # columns of a report that goes to a file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite.

    Returns:
        0, or 1 when a contender was disqualified or failed, or a relay cannot be trusted. A target
        that is missed is in the report; it is no failure of the suite.

    """
    given = _parser().parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    if given.list:
        for workload in load().values():
            console.print(f"{workload.name:16} {escape(workload.line)}", highlight=False)
        return 0
    if not sys.platform.startswith("linux"):
        console.print("The suite meters processes through /proc: it runs on Linux alone.")
        return 2
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"{time.monotonic() - began:6.0f} s  {escape(line)}", highlight=False)

    workloads = load(given.names or NAMES)
    rounds = given.rounds or (FULL_ROUNDS if given.full else QUICK_ROUNDS)
    # Where the servers and the local contenders write: TMPDIR moves it.
    with tempfile.TemporaryDirectory(prefix="sftp-async-bench-") as scratch:
        try:
            with start_server(given.server, Path(scratch)) as server:
                for reason in server.passed_over:
                    say(f"not taken: {reason}")
                say(f"server: {server.kind}, {server.description}")
                context = Context(
                    server, Path(scratch), given.data, full=given.full, rounds=rounds, say=say
                )
                report = Report(context, list(workloads))
                try:
                    _run(context, report, list(workloads.values()), given.output)
                finally:
                    context.close()
        except NoServerError as reason:
            console.print(f"No server to write to: {escape(str(reason))}", style="red")
            return 2
    document = report.document()
    show(document, console)
    console.print(f"In {given.output}: report.json, {TEXT} and the charts", highlight=False)
    return 1 if document["problems"] else 0


def _run(context: Context, report: Report, workloads: Sequence[Workload], output: Path) -> None:
    """Run all workloads; what there is so far is on the disk after every comparison."""
    for workload in workloads:
        context.workload = workload.name
        context.say(f"{workload.name}: {workload.line}")
        try:
            for comparison in workload.run(context):
                report.add(comparison)
                report.write(output)
        except Exception as error:  # noqa: BLE001 - the other workloads go on
            sentence = f"{workload.name} ended early: {type(error).__name__}: {error}"
            context.say(sentence)
            report.fail(sentence)
            context.calm()
        report.write(output)
    document = report.document()
    charts = draw(document, output)
    (output / TEXT).write_text(markdown(document, charts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare sftp_async with what its users would use instead. Without --full: a "
        "quick pass.",
    )
    parser.add_argument("names", nargs="*", metavar="workload", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--full", action="store_true", help="the whole table, some hours")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    parser.add_argument(
        "--server",
        choices=["auto", *KINDS],
        default="auto",
        help="auto takes the first of the others that can run here, and says why",
    )
    parser.add_argument(
        "--rounds",
        type=_positive,
        help=f"counted runs of each contender; {QUICK_ROUNDS}, with --full {FULL_ROUNDS}",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("build/bench"), metavar="DIR", help="build/bench"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=cache_directory(),
        metavar="DIR",
        help="where made data is kept; XDG_CACHE_HOME/sftp-async-bench",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    # What `timeout` and CI send: an exit, so that servers and containers end with the suite.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
