"""`sftp-async recover` and `clean`: end what crashed jobs left, after they have shown it."""

from __future__ import annotations

import posixpath
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftp_async.errors import OptionsError
from sftp_async.humanize import counted, in_units, printable
from sftp_async.layout.hidden_names import is_hidden_name
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.tools.cli.stray_files import Leftovers
    from sftp_async.write.recovery import Action, Interrupted, Recovered

_YES = typer.Option("--yes", "-y", help="Do it without asking.")
_ENDS = {
    "complete": "make its files visible",
    "finish": "its files are visible: remove what they replace",
    "roll back": "roll its files back",
    "discard": "newer data has taken the place of what it was to replace: discard its files",
}


def recover(server: Server, output: Output, yes: Annotated[bool, _YES] = False) -> None:
    """End commits that were interrupted, and sweep staging that is too old.

    Shows what there is to do, and does it when you confirm. TARGET is what the job wrote to, as in
    `save()`. Every write to the target does the same before it begins.
    """
    from sftp_async.tools.cli.stray_files import leftovers
    from sftp_async.write.recovery import recover as act
    from sftp_async.write.recovery import survey

    options = _without_retries(server)
    actions = survey(options)
    _carry_out(options, actions, leftovers(options, hidden=False), act, output, yes=yes)


def clean(
    server: Server,
    output: Output,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="As in 30min, 12h, 7d.",
            show_default="staging_ttl, 7d",
        ),
    ] = None,
    yes: Annotated[bool, _YES] = False,
) -> None:
    """Remove staging directories of crashed jobs, and hidden files of killed processes.

    No visible file is touched. Shows what there is to remove, and does it when you confirm. What
    belongs to a commit, also an interrupted one, stays: see `recover`. A bound shorter than a
    running job takes its files away.
    """
    from sftp_async.tools.cli import stray_files
    from sftp_async.tools.cli.run import run
    from sftp_async.write.recovery import Recovered, Sweep, survey, sweep

    options = _without_retries(server)
    if older_than is not None:
        options = options.model_copy(update={"staging_ttl": older_than})
    staging, found = survey(options, sweep_only=True), stray_files.leftovers(options)
    known = {each.path for each in staging if isinstance(each, Sweep)}
    hidden = [each for each in found.old if is_hidden_name(posixpath.basename(each.path))]
    hidden = [each for each in hidden if each.path not in known]

    def act(options: SFTPOptions) -> Recovered:
        removed = run(stray_files.remove(options, hidden)) if hidden else 0
        return Recovered(swept=removed + sweep(options).swept)

    _carry_out(options, [*staging, *hidden], found, act, output, yes=yes)


def _without_retries(server: Server) -> SFTPOptions:
    """Return the options; without retries, unless the user asked for them."""
    if server.path is None:
        raise OptionsError("TARGET names no path: write host:/path, as the job had it in save().")
    options = server.options
    if "max_retries" not in options.model_fields_set:
        options = options.model_copy(update={"max_retries": 0})
    return options


def _carry_out(
    options: SFTPOptions,
    actions: Sequence[Action],
    found: Leftovers,
    act: Callable[[SFTPOptions], Recovered],
    output: Output,
    *,
    yes: bool,
) -> None:
    from sftp_async.tools.cli.stray_files import age_text
    from sftp_async.write.recovery import Sweep

    interrupted = [each for each in actions if not isinstance(each, Sweep)]
    abandoned = [each for each in actions if isinstance(each, Sweep)]
    shown = {
        "path": options.path,
        "interrupted": [_facts(each) for each in interrupted],
        "abandoned": [{"path": each.path, "age": each.age} for each in abandoned],
        "too_young": found.young_facts(),
    }
    for commit in interrupted:
        output.line(_line(commit))
    for leftover in abandoned:
        output.line(f"{printable(leftover.path)}, {age_text(leftover.age)} old: remove")
    for line in found.young_lines():
        output.line(printable(line))
    if not actions:
        output.document({"done": True, "finished": 0, "swept": 0, "discarded": 0, **shown})
        output.line(f"Nothing to do in {options.path}.", "green")
        return
    output.line("Ages are by this machine's clock.")
    if not (yes or (output.interactive and typer.confirm("Do it?", err=True))):
        output.document({"done": False, **shown})
        output.line("Nothing was done. Add --yes to do it.", "yellow")
        raise typer.Exit(1)
    done: dict[str, Any] = asdict(act(options))
    output.document({"done": True, **done, **shown})
    discarded = f", {done['discarded']} discarded" if done["discarded"] else ""
    output.line(
        f"Done: {counted((done['finished'], 'commit'))} ended{discarded}, "
        f"{counted((done['swept'], 'leftover'))} removed.",
        "green",
    )


def _facts(action: Interrupted) -> dict[str, Any]:
    parts = action.intent.parts
    return {
        "job_id": action.intent.paths.job_id,
        "end": action.end,
        "files": len(parts),
        "rows": sum(part.rows for part in parts),
        "bytes": sum(part.size for part in parts),
        "age": action.age,
    }


def _line(action: Interrupted) -> str:
    from sftp_async.tools.cli.stray_files import age_text

    facts = _facts(action)
    return (
        f"job {facts['job_id'][:16]}, interrupted {age_text(action.age)} ago, "
        f"{facts['files']} files, {facts['rows']:,} rows, {in_units(facts['bytes'])}: "
        f"{_ENDS[action.end]}"
    )
