"""Implements `sftp-async options`, which shows the reference of all options, or of one."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.output import Output

if TYPE_CHECKING:
    from sftp_async.options.catalog import OptionEntry


def options(
    output: Output,
    name: Annotated[
        str | None, typer.Argument(help="Name of one option, in any spelling.", show_default=False)
    ] = None,
    json_schema: Annotated[
        bool,
        typer.Option(
            "--json-schema",
            help="Print a JSON Schema of all options, for editors and checks of configurations.",
        ),
    ] = False,
) -> None:
    """Show all options of the data source, or one of them."""
    if json_schema:
        from sftp_async.options.json_schema import options_schema

        Output(as_json=True).document(options_schema())
        return
    from sftp_async.options.catalog import option_entries

    entries = [entry.as_plain_text() for entry in option_entries()]
    if name is not None:
        entry = _find(entries, name)
        output.document(asdict(entry))
        for line in _lines(entry):
            output.line(line)
        return
    output.document([asdict(entry) for entry in entries])
    if output.as_json:
        return
    from rich.table import Table

    for group, members in groupby(entries, key=lambda entry: entry.group):
        table = Table(title=group, title_justify="left", box=None, pad_edge=False)
        table.add_column("option", style="bold", no_wrap=True)
        table.add_column("default", overflow="fold", max_width=20)
        table.add_column("what it does", overflow="fold")
        for entry in members:
            table.add_row(entry.name, entry.default, entry.description)
        output.show(table)
        output.line()


def _find(entries: list[OptionEntry], name: str) -> OptionEntry:
    import difflib

    from sftp_async.options.aliases import normalise

    known = {normalise(each): entry for entry in entries for each in (entry.name, *entry.also)}
    known |= {normalise(entry.name): entry for entry in entries}
    if normalise(name) in known:
        return known[normalise(name)]
    close = difflib.get_close_matches(normalise(name), known, n=1)
    hint = f"; did you mean {known[close[0]].name}?" if close else "."
    raise OptionsError(f"{name!r} is not an option{hint}")


def _lines(entry: OptionEntry) -> list[str]:
    cells = {
        "value": entry.value,
        "default": entry.default,
        "example": entry.example and f"{entry.name}={entry.example}",
        "also": ", ".join(entry.also),
        "group": entry.group,
    }
    return [
        entry.name,
        f"  {entry.description}",
        *(f"  {label:8} {text}" for label, text in cells.items() if text),
    ]
