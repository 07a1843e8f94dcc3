"""Completes names of connections and remote paths, in time and without a prompt or an error."""

from __future__ import annotations

import os
import posixpath
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry

#: Seconds that a listing may take in all; then nothing is completed.
LIMIT = 3.0
#: The variable by which a shell asks for completions; Typer's name for it.
VARIABLE = "_SFTP_ASYNC_COMPLETE"

#: Where the path begins in a TARGET.
_HEADS = (
    re.compile(r"(sftp://[^/]+)(/.*)", re.IGNORECASE | re.DOTALL),
    re.compile(r"(:)(.*)", re.DOTALL),
    re.compile(r"((?:[^/:]+@)?(?:\[[^\]]*\]|[^:/@\[\]]+)(?::\d+)?:)(.*)", re.DOTALL),
)
#: Names that zsh gets. Typer's script evaluates them, and the quoting of other characters there
#: would be a server's chance to run a command.
_SAFE_IN_ZSH = re.compile(r"[\w .,+@%=:~^-]+")


def complete_connection(incomplete: str) -> list[str]:
    """Return the names of connections that begin with a text."""
    with _nothing_shown() as found:
        found += _names(incomplete)
    return found


def complete_target(context: typer.Context, incomplete: str) -> list[str]:
    """Return the TARGETs that begin with a text: connections, or paths on the server."""
    with _nothing_shown() as found:
        for pattern in _HEADS:
            if match := pattern.fullmatch(incomplete):
                found += _paths(context.params, match[1], match[2])
                break
        else:
            # Two of each, since Bash and zsh add a space to the only one.
            ends = (":",) if _shell() == "fish" else (":", ":/")
            found += [f"{name}{end}" for name in _names(incomplete) for end in ends]
    return found


def complete_targets(context: typer.Context, incomplete: str) -> list[str]:
    """Return what `complete_target` does, where a further path may be written as `:/path`."""
    earlier = context.params.get("arguments") or context.params.get("targets") or ()
    if not incomplete.startswith(":") or not earlier:
        return complete_target(context, incomplete)
    head = next((match[1] for each in _HEADS if (match := each.fullmatch(earlier[0]))), ":")
    found = complete_target(context, head + incomplete[1:])
    return [":" + each.removeprefix(head) for each in found]


def complete_local_or_target(context: typer.Context, incomplete: str) -> list[str]:
    """Return local paths that begin with a text, and what `complete_target` does."""
    if ":" in incomplete:
        return complete_target(context, incomplete)
    with _nothing_shown() as found:
        directory, _, start = incomplete.rpartition("/")
        place = f"{directory}/" if "/" in incomplete else ""
        for entry in sorted(os.scandir(place or "."), key=lambda entry: entry.name):
            name = f"{entry.name}/" if entry.is_dir() else entry.name
            hidden = name.startswith(".") and not start
            if name.startswith(start) and not hidden and _offered(name):
                found.append(place + name)
    return found + complete_target(context, incomplete)


@contextmanager
def _nothing_shown() -> Iterator[list[str]]:
    """Provide a list; an error or a warning leaves it as it is."""
    import logging
    import warnings

    found: list[str] = []
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield found
    except Exception:  # noqa: BLE001, S110 - any text would end up in the middle of a command line
        pass
    finally:
        logging.disable(level)


def _shell() -> str:
    return os.environ.get(VARIABLE, "").rpartition("_")[2]


def _names(start: str) -> list[str]:
    from sftp_async.options import SFTPOptions
    from sftp_async.options.profiles import Profiles

    return [name for name in sorted(Profiles.load(SFTPOptions).tables) if name.startswith(start)]


def _paths(given: dict[str, Any], head: str, path: str) -> list[str]:
    """Return `head` with each path on its server that begins with `path`."""
    from sftp_async.tools.cli.run import run

    options = _options(given, head)
    if options is None:
        return []
    is_url = head[:7].lower() == "sftp://"
    text = unquote(path) if is_url else path
    place = re.sub(r"^/~/", "", text) if is_url else text
    directory = place[: place.rfind("/") + 1]
    start = place[len(directory) :]
    shown = text[: len(text) - len(start)]
    return [
        head + (quote(shown + name, safe="/~") if is_url else shown + name)
        for name in run(_in_time(options, directory or ".", start))
    ]


def _offered(name: str) -> bool:
    if _shell() == "zsh":
        return _SAFE_IN_ZSH.fullmatch(name) is not None
    return name.isprintable()


def _options(given: dict[str, Any], target: str) -> SFTPOptions | None:
    """Return the options of the command line so far; None if a prompt might be needed."""
    from sftp_async.options.field_types import text_of
    from sftp_async.tools.cli.target import SERVER_PARAMETERS, Server

    if given.get("ask_password") or given.get("ask_passphrase"):
        return None
    values = {
        each.name: given.get(each.name) for each in SERVER_PARAMETERS if each.name != "target"
    }
    options = Server.of(target, **values).options
    named = [text_of(getattr(options, name)) or "" for name in options.model_fields_set]
    if any(text.startswith("keyring:") for text in named):  # it may have to be unlocked
        return None
    limits = ("connect_timeout", "login_timeout", "operation_timeout")
    return options.model_copy(update=dict.fromkeys(limits, LIMIT) | {"max_retries": 0})


async def _in_time(options: SFTPOptions, directory: str, start: str) -> list[str]:
    import asyncio

    return await asyncio.wait_for(_listed(options, directory, start), LIMIT)


async def _listed(options: SFTPOptions, directory: str, start: str) -> list[str]:
    """Return the names in a directory that begin with a text; a directory's ends in a slash."""
    from sftp_async.tools.cli.run import pool_of

    def shown(entries: list[RemoteEntry], start: str) -> list[str]:
        hidden = start != ""
        return sorted(
            f"{entry.name}/" if entry.is_dir else entry.name
            for entry in entries
            if entry.name.startswith(start) and (hidden or entry.name[:1] != ".")
            if _offered(entry.name)
        )

    async with pool_of(options) as pool, pool.lease() as connection:
        names = shown(await connection.listdir(directory), start)
        if len(names) == 1 and names[0].endswith("/") and _shell() != "fish":
            # Bash and zsh would add a space to the only name, which is in the way of the rest.
            below = await connection.listdir(posixpath.join(directory, names[0]))
            names += [names[0] + name for name in shown(below, "")]
    return names
