"""What a directory on a local server holds, to show that a read changes nothing."""

from __future__ import annotations

from pathlib import Path


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Return mode, time and content of everything below, by relative path."""
    return {
        str(path.relative_to(directory)): (
            (status := path.lstat()).st_mode,
            status.st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(directory.rglob("*"))
    }
