"""Paths that rows give their files: which of them stay in the target, and in sight."""

from __future__ import annotations

from sftp_async.layout.job_layout import DOCUMENT, STAGING
from sftp_async.layout.once import MARKERS
from sftp_async.layout.part_names import LONGEST_NAME, is_part
from sftp_async.layout.sidecars import MANIFEST_FILE, SUCCESS_FILE

#: Names that no row may take or write below: a directory in the target may be one of other jobs.
_OWN = {name.lower() for name in (STAGING, MARKERS, SUCCESS_FILE, MANIFEST_FILE)}


def path_problem(path: str) -> str | None:
    """Return why no row may write to the path; None if it may.

    Rows are data: a path must not lead out of the target, nor to files that programs read unasked
    (`.ssh/authorized_keys`, where the target is the login directory), nor to what tells jobs of
    this target, or of one inside it, what to do.

    Args:
        path: relative to the target directory.

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
    if any(map(_is_own, names)):
        return "has a name that this data source gives to files of its own"
    return None


def _is_own(name: str) -> bool:
    # Windows looks for `_temporary` when it is asked for `_TEMPORARY. `.
    name = name.lower().rstrip(". ")
    return name in _OWN or is_part(name) or DOCUMENT.fullmatch(name) is not None
