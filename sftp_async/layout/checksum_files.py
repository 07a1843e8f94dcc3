"""Reads checksum files, as `sha256sum`, `md5sum` and BSD's tools write them."""

from __future__ import annotations

import posixpath
import re

_HEX = r"(?P<digest>[0-9a-fA-F]{32,64})"
#: What `sha256sum` and `md5sum` print; a backslash in front tells that the name is escaped.
_GNU = re.compile(rf"(?P<escaped>\\?){_HEX}(?:[ \t]+\*?(?P<name>.*))?")
#: What they print with `--tag`, and BSD's tools: `SHA256 (name) = digest`.
_BSD = re.compile(rf"(?P<escaped>\\?)[A-Z0-9-]+ \((?P<name>.*)\) = {_HEX}")
_ESCAPE = re.compile(r"\\([\\nr])")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}


def digest_in(text: str, name: str) -> str | None:
    """Return the checksum that the text of a checksum file has for a file, in lower-case hex.

    Args:
        text: as `sha256sum`, `md5sum` or BSD's tools print it, or a checksum alone.
        name: of the file, without directories.

    """
    found: list[tuple[str | None, str]] = []
    for line in text.splitlines():
        match = _BSD.fullmatch(line.strip()) or _GNU.fullmatch(line.strip())
        if match is None:
            continue
        named = match["name"]
        if named and match["escaped"]:
            named = _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], named)
        found.append((posixpath.basename(named) if named else None, match["digest"].lower()))
    for named, digest in found:
        if named == name:
            return digest
    # One line without a name, or with the name that the file had elsewhere.
    return found[0][1] if len(found) == 1 else None
