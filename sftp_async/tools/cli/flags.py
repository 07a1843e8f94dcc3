"""Writes the errors of options as the command line knows them: `--port`, `-o chunk_size=…`."""

from __future__ import annotations

import copy
import re

from sftp_async.errors import OptionsError, SFTPAsyncError

#: Options that have a flag of their own.
FLAGS = {
    "host_key_fingerprint": "--host-key-fingerprint",
    "known_hosts": "--known-hosts",
    "port": "--port",
    "private_key_path": "--private-key",
    "username": "--username",
}
#: Text in front of which a name is not that of an option: a quoted text, a flag, a path, a word.
_NOT_BEHIND = r"(?<![\w'\"/.:=-])(?<!-o )(?<!did you mean )"


def with_flags(error: SFTPAsyncError) -> SFTPAsyncError:
    """Return an error that names the options as one writes them on the command line."""
    if isinstance(error, OptionsError):
        return OptionsError([_flagged(problem) for problem in error.problems])
    changed = copy.copy(error)
    changed.message = _flagged(error.message)
    changed.hint = error.hint and _flagged(error.hint)
    return changed


def _flagged(text: str) -> str:
    from sftp_async.options import SFTPOptions

    # Names of one word are also words: they are meant where they begin a sentence about a value.
    text = re.sub(r"^(port|username)(?= must| is (?:missing|given))", lambda m: FLAGS[m[1]], text)
    names = sorted((name for name in SFTPOptions.model_fields if "_" in name), key=len)
    pattern = rf"{_NOT_BEHIND}(?:{'|'.join(reversed(names))})\b"
    return re.sub(pattern, lambda m: FLAGS.get(m[0], f"-o {m[0]}"), text)
