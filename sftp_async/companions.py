"""Names of what stands beside data files: checksum and done files, `_manifest.json`, `_SUCCESS`."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Literal

from sftp_async.layout import is_part

if TYPE_CHECKING:
    from collections.abc import Callable

Checksums = Literal["none", "sha256", "md5"]

SUCCESS_FILE = "_SUCCESS"
MANIFEST_FILE = "_manifest.json"
ALGORITHMS = ("sha256", "md5")

_FIELD = re.compile(r"\{(name|stem)\}")


def checksum_name(name: str, algorithm: str) -> str:
    """Return the name of a file's checksum file; a part file's is hidden from readers of data.

    Args:
        name: of the data file, behind its partition's directories.
        algorithm: one of `ALGORITHMS`.

    """
    directory, name = posixpath.split(name)
    beside = f"{name}.{algorithm}"
    return posixpath.join(directory, f".{beside}" if is_part(name) else beside)


def done_name(template: str, name: str) -> str:
    """Return the name of a data file's done file; without a field, that of the whole job.

    Args:
        template: `{name}` stands for the file's name, `{stem}` for what is before its extensions.
        name: of the data file, behind its partition's directories.

    """
    if _FIELD.search(template) is None:
        return template
    directory, name = posixpath.split(name)
    beside = _FIELD.sub(lambda field: name if field[1] == "name" else _stem(name), template)
    return posixpath.join(directory, beside)


def is_companion(name: str, is_own: Callable[[str], bool], done_template: str | None) -> bool:
    """Whether a file says something of a whole job of ours, or of one of its part files.

    Args:
        name: of the file.
        is_own: whether a name is a part file's.
        done_template: as the job that asks has it.

    """
    if name in (SUCCESS_FILE, MANIFEST_FILE):
        return True
    for algorithm in ALGORITHMS:
        if name.endswith(f".{algorithm}"):
            beside = name.removesuffix(f".{algorithm}")
            return is_own(beside) or (beside.startswith(".") and is_part(beside[1:]))
    if done_template is None:
        return False
    field = _FIELD.search(done_template)
    if field is None:
        return name == done_template
    head, tail = done_template[: field.start()], done_template[field.end() :]
    if len(name) <= len(head) + len(tail) or not (name.startswith(head) and name.endswith(tail)):
        return False
    middle = name[len(head) : len(name) - len(tail)]
    if field[1] == "name":
        return is_own(middle)
    # The extensions are not known.
    return is_part(f"{middle}.any")


def _stem(name: str) -> str:
    # A leading dot hides a file, it starts no extension.
    return name[0] + name[1:].partition(".")[0]
