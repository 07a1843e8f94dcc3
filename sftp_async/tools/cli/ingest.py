"""Implements `sftp-async ingest`: what a stream has read, what waits, and what remains to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.humanize import counted, in_units
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.preview import show_stream
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.cleanup.rounds import Cleanup
    from sftp_async.read.ingest_log.contents import IngestState
    from sftp_async.read.listing import FoundFile
    from sftp_async.read.stream.preview import StreamLook

#: Files of each kind that are shown; `--json` has all of them.
_SHOWN = 20


def ingest(
    output: Output,
    state: Annotated[
        str, typer.Argument(metavar="STATE", help="The stream's state_location: a path or a URI.")
    ],
    server: Server | None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            metavar="PATH",
            help="The query's checkpointLocation: says whether its last micro-batch is done.",
        ),
    ] = None,
    files: Annotated[bool, typer.Option("--files", help="List the files that were read.")] = False,
    finish: Annotated[
        bool,
        typer.Option("--finish", help="Archive or delete what remains, as `-o clean_source=…`."),
    ] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option("--forget", metavar="PATH", help="Read a file once more. Repeatable."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
) -> None:
    """Show what a stream has read, and with TARGET, what waits and what remains to be cleaned.

    TARGET is what the stream reads; give the options of its read with `-o`. Only `--finish` changes
    anything on the server, and only `--forget` in the state: a query that is running stops then,
    and is to be started again.
    """
    from sftp_async.read.ingest_log.contents import IngestState
    from sftp_async.read.ingest_log.locations import without_secrets
    from sftp_async.read.ingest_log.spark_checkpoint import done_batch

    if finish and server is None:
        raise OptionsError("--finish needs TARGET, which the stream reads.")
    if finish and server is not None and server.options.clean_source == "off":
        raise OptionsError(
            "--finish needs to know what to do: -o clean_source=delete, or -o clean_source=archive "
            "and -o source_archive_dir=…, as the stream has them."
        )
    loaded = IngestState.load(state)
    done = None if checkpoint is None else done_batch(checkpoint, loaded.record.stream)
    document = _facts(loaded, without_secrets(state), done)
    _show_state(document, output)
    if files:
        document["files"] = _show_batches(loaded, output)
    if forget:
        document["forgotten"] = _forget(loaded, forget, output, yes=yes)
    if server is not None:
        found = _look(server, loaded, done)
        document["server"] = found.to_dict()
        _show_found(found, output)
        if finish:
            document["cleaned"] = _finish(server, loaded.record.stream, found, output, yes=yes)
    output.document(document)
    if document.get("cleaned", {}).get("failed") or (forget and not document["forgotten"]):
        raise typer.Exit(1)


def _facts(state: IngestState, location: str, done: int | None) -> dict[str, Any]:
    return {
        "state": location,
        "source": state.record.source,
        "stream": state.record.stream,
        "last_batch": state.last_batch,
        "done_batch": done,
        "known_files": len(state.known),
        "schema": state.record.schema,
    }


def _show_state(facts: dict[str, Any], output: Output) -> None:
    output.line(f"State {facts['state']}")
    output.line(f"of {facts['source']}")
    batches = f"{facts['last_batch']:,}"
    output.line(
        f"Micro-batches: {batches}. Files that the stream knows: {facts['known_files']:,}", "bold"
    )
    if not facts["last_batch"]:
        return
    if facts["done_batch"] is None:
        output.line(
            f"Whether micro-batch {batches}, the last one, is done, only the checkpoint shows "
            "(--checkpoint)"
        )
    elif facts["done_batch"] < facts["last_batch"]:
        output.line(f"Micro-batch {batches}, the last one, is not done", "yellow")
    else:
        output.line(f"Micro-batch {batches}, the last one, is done")


def _show_batches(state: IngestState, output: Output) -> list[dict[str, Any]]:
    shown = []
    output.line()
    for batch in state.batches():
        for file in batch.files:
            output.line(f"{batch.number:>10,}  {file.size:>15,}  {file.path}")
            shown.append(_of_file(file) | {"batch": batch.number})
    return shown


def _of_file(file: FoundFile) -> dict[str, Any]:
    return {"path": file.path, "bytes": file.size, "modified": int(file.mtime) or None}


# Forgetting


def _forget(state: IngestState, paths: Sequence[str], output: Output, *, yes: bool) -> list[str]:
    known = [path for path in paths if state.known.version(path) is not None]
    for path in sorted({*paths} - {*known}):
        output.line(f"{path}: the stream has not read it; --files lists what it has", "yellow")
    for path in known:
        output.line(f"{path}: read it once more")
    if known and not _confirmed("A query that is running stops. Do it?", output, yes=yes):
        raise typer.Exit(1)
    # Even to forget nothing takes the state from the query that runs.
    return state.forget(known) if known else []


def _confirmed(question: str, output: Output, *, yes: bool) -> bool:
    if yes or (output.interactive and typer.confirm(question, err=True)):
        return True
    if output.as_json:
        output.error(SFTPAsyncError("Nothing was done", hint="Add --yes to do it"))
    output.line("Nothing was done. Add --yes to do it.", "yellow")
    return False


# The server


@dataclass(frozen=True)
class _Found:
    """What is on the server.

    Attributes:
        look: what a stream would do.
        remaining: files that were read, in micro-batches that are done.
        undone: files that were read, in micro-batches that are not known to be done.
        set_aside: hidden files that this stream has set aside.

    """

    look: StreamLook
    remaining: Sequence[FoundFile]
    undone: Sequence[FoundFile]
    set_aside: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        return {
            "waiting": [_of_file(file) for file in self.look.waiting],
            "changed": [_of_file(file) for file in self.look.changed],
            "read": [_of_file(file) for file in self.remaining],
            "not_done": [_of_file(file) for file in self.undone],
            "set_aside": list(self.set_aside),
            "left_out": [
                {"path": left.path, "reason": left.reason} for left in self.look.listing.left_out
            ],
            "left_out_count": self.look.listing.left_out_count,
        }


def _look(server: Server, state: IngestState, done: int | None) -> _Found:
    from sftp_async.errors import StateError
    from sftp_async.layout.cleanup_names import SetAside, stream_digits
    from sftp_async.options.base import with_inferred
    from sftp_async.read.root_paths import asked_paths
    from sftp_async.read.stream.preview import look
    from sftp_async.read.stream.source import source_of

    options = server.options
    source = source_of(options, asked_paths(options, (server.path or ".",)))
    if source != state.record.source:
        raise StateError(
            f"The state is that of {state.record.source}, and TARGET is {source}",
            hint="Give the target that the stream reads, in the same words",
        )
    if "stable_for" not in options.model_fields_set:
        # What was read is stable, and what waits need not be yet.
        from sftp_async.options.base import with_inferred

        options = with_inferred(options, {"stable_for": 0.0})
    found = look(options, (server.path or ".",), state.known)
    # A micro-batch is planned when the one before is done.
    first = (state.last_batch if done is None else done + 1) or 1
    undone = {file.path for batch in state.batches(first) for file in batch.files}
    asides = [SetAside.of(path) for path in found.listing.set_aside]
    digits = stream_digits(state.record.stream)
    return _Found(
        found,
        [file for file in found.read if file.path not in undone],
        [file for file in found.read if file.path in undone],
        [aside.hidden_path for aside in asides if aside is not None and aside.stream == digits],
    )


def _show_found(found: _Found, output: Output) -> None:
    show_stream(found.look, output)
    for file in found.look.waiting[:_SHOWN]:
        output.line(f"  {file.size:>15,}  {file.path}")
    output.line()
    size = sum(file.size for file in found.remaining)
    count = counted((len(found.remaining), "file"))
    output.line(f"Read, done, and still there: {count}, {in_units(size)}", "bold")
    if found.undone:
        count = counted((len(found.undone), "file"))
        output.line(f"Of micro-batches that are not known to be done: {count}")
    if found.set_aside:
        count = counted((len(found.set_aside), "file"))
        output.line(f"Set aside, to be archived or deleted: {count}")


def _finish(
    server: Server, stream: str, found: _Found, output: Output, *, yes: bool
) -> dict[str, Any]:
    from sftp_async.read.cleanup.rounds import Cleanup
    from sftp_async.read.root_paths import asked_paths
    from sftp_async.tools.cli.run import run

    options = found.look.options
    roots = asked_paths(options, (server.path or ".",))
    count = len(found.remaining) + len(found.set_aside)
    if not count:
        output.line("Nothing remains to be cleaned.", "green")
        return {"cleaned": 0, "failed": 0}
    way = {"archive": f"move to {options.source_archive_dir}", "delete": "delete"}
    what = f"{way[options.clean_source]}: {counted((count, 'file'))}"
    output.line(what[0].upper() + what[1:])
    if not _confirmed("Do it?", output, yes=yes):
        raise typer.Exit(1)
    cleanup = Cleanup(options, roots, stream)
    run(_check(options, cleanup))
    result = cleanup.clean(found.remaining, found.set_aside)
    output.line(f"Done: {counted((result.cleaned, 'file'))}", "green")
    for why, number in result.left.items():
        output.line(f"Left: {counted((number, 'file'))}: {why}")
    for failure in result.failures:
        output.line(f"{failure.path}: {failure.reason}", "red")
    return {
        "cleaned": result.cleaned,
        "left": dict(result.left),
        "failed": result.failed + result.waiting,
        "failures": [{"path": each.path, "reason": each.reason} for each in result.failures],
    }


async def _check(options: SFTPOptions, cleanup: Cleanup) -> None:
    from sftp_async.tools.cli.run import pool_of

    async with pool_of(options) as pool, pool.lease() as connection:
        await cleanup.check(connection)
