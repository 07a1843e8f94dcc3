"""Names of sidecar files: checksum and done files, `_manifest.json`, `_SUCCESS`."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Literal

from sftp_async.layout.part_names import is_part, part_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    sidecar = f"{name}.{algorithm}"
    return posixpath.join(directory, f".{sidecar}" if is_part(name) else sidecar)


def done_name(template: str, name: str) -> str:
    """Return the name of a data file's done file; without a field, that of the whole job.

    Args:
        template: `{name}` stands for the file's name, `{stem}` for what is before its extensions.
        name: of the data file, behind its partition's directories.

    """
    if _FIELD.search(template) is None:
        return template
    directory, name = posixpath.split(name)
    sidecar = _FIELD.sub(lambda field: name if field[1] == "name" else _stem(name), template)
    return posixpath.join(directory, sidecar)


def sidecar_names(names: Iterable[str], done_template: str | None) -> set[str]:
    """Return the names of every file that may tell readers that data files are complete.

    Args:
        names: of the data files, behind their partitions' directories.
        done_template: of their done files, or the job's one; None: there are none.

    """
    found = {SUCCESS_FILE, MANIFEST_FILE}
    if done_template is not None and _FIELD.search(done_template) is None:
        found.add(done_template)
    for name in names:
        found |= {checksum_name(name, algorithm) for algorithm in ALGORITHMS}
        if done_template is not None:
            found.add(done_name(done_template, name))
    return found


def is_sidecar(
    name: str, is_own: Callable[[str], bool], done_template: str | None, extensions: str = ""
) -> bool:
    """Whether a file is a sidecar of a whole job of this source, or of one of its part files.

    Args:
        name: of the file.
        is_own: whether a name is a part file's.
        done_template: as the job that asks has it.
        extensions: of that job's data files, `.csv.gz`, which `{stem}` leaves out.

    """
    if name in (SUCCESS_FILE, MANIFEST_FILE):
        return True
    for algorithm in ALGORITHMS:
        if name.endswith(f".{algorithm}"):
            data = name.removesuffix(f".{algorithm}")
            return is_own(data) or (data.startswith(".") and is_part(data[1:]))
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
    # Part files have had any extensions; a template's were those of today.
    return is_part(f"{middle}.any") or is_own(f"{middle}{extensions}")


def job_tag(name: str) -> str | None:
    """Return the tag in the name of a part file or of its checksum file; None: neither is it.

    Such a name is never used for anything else, by any job.

    Args:
        name: of the file, behind its partition's directories.

    """
    base = posixpath.basename(name)
    for algorithm in ALGORITHMS:
        if base.startswith(".") and base.endswith(f".{algorithm}"):
            return part_tag(base[1:].removesuffix(f".{algorithm}"))
    return part_tag(base)


def extensions_of(name: str) -> str:
    """Return what is behind a file name's stem, with the leading dot; empty for none."""
    return name[len(_stem(name)) :]


def _stem(name: str) -> str:
    # A leading dot hides a file, it starts no extension.
    return name[0] + name[1:].partition(".")[0]
