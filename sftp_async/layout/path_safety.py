"""Which names and paths stay in the target: those of an intent, and those that rows give to files.

A server's other users may have written an intent, and rows are data: neither is trusted.
"""

from __future__ import annotations

import posixpath

from sftp_async.layout.intent_names import document_of
from sftp_async.layout.once import MARKERS
from sftp_async.layout.part_names import LONGEST_NAME, is_part
from sftp_async.layout.sidecars import MANIFEST_FILE, SUCCESS_FILE
from sftp_async.layout.target_paths import STAGING

#: Names that no row may take or write below: a directory in the target may be one of other jobs.
_OWN = {name.lower() for name in (STAGING, MARKERS, SUCCESS_FILE, MANIFEST_FILE)}


def path_problem(path: str) -> str | None:
    """Return why no row may write to the path; None if it may.

    Rows are data: a path must not lead out of the target, nor to files that programs read unasked
    (`.ssh/authorized_keys`, where the target is the login directory), nor to the files that
    control the jobs of this target, or of one inside it.

    Args:
        path: relative to the target directory.

    """
    problem = unpacked_problem(path)
    if problem is None and any(map(_is_own, path.split("/"))):
        problem = "has a name that this data source gives to files of its own"
    return problem


def unpacked_problem(path: str) -> str | None:
    """Return why no file in a directory may have the path, whatever else is there; None: one may.

    Args:
        path: relative to the directory.

    """
    names = path.split("/")
    if not path:
        return "is empty"
    if path.startswith("/"):
        return "is absolute"
    if ".." in names:
        return "has a .. in it"
    if "" in names:
        return "has an empty name in it"
    if any(name.startswith(".") for name in names):
        return "has a hidden name in it, which begins with a dot"
    if any(ord(character) < 32 or character == "\x7f" for character in path):
        return "has a control character in it"
    if "\\" in path:
        return "has a backslash in it, which some servers take for a slash"
    if any(len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME for name in names):
        return f"has a name of more than {LONGEST_NAME} bytes in it"
    return None


def safe_name(name: str) -> str:
    """Return the name of one file or directory, checked.

    Raises:
        ValueError: it is no name, leads elsewhere, or cannot be sent.

    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"unsafe name {name!r}")
    if not name.isascii():
        name.encode("utf-8", "surrogateescape")  # as it is sent; the error is a ValueError
    return name


def safe_directory(path: str) -> str:
    """Return the path of a partition directory, relative to the target, checked.

    Raises:
        ValueError: it leads elsewhere, or is no path of partition directories.

    """
    for name in path.split("/"):
        if "=" not in safe_name(name):
            raise ValueError(f"unsafe name {path!r}: it is no partition's directory")
    return path


def safe_path(path: str) -> str:
    """Return a file's name, perhaps behind partition directories, checked.

    Raises:
        ValueError: it leads elsewhere.

    """
    directory, slash, name = path.rpartition("/")
    if slash:
        safe_directory(directory)
    safe_name(name)
    return path


def safe_row_path(path: str) -> str:
    """Return a path that a row gave to a file, or a directory in it, checked.

    Raises:
        ValueError: it leads elsewhere, or to files that no row may write.

    """
    problem = path_problem(path)
    if problem is not None:
        raise ValueError(f"unsafe name {path!r}: it {problem}")
    safe_name(posixpath.basename(path))
    return path


def _is_own(name: str) -> bool:
    # Windows looks for `_temporary` when it is asked for `_TEMPORARY. `.
    name = name.lower().rstrip(". ")
    return name in _OWN or is_part(name) or document_of(name) is not None
