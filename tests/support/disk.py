"""A real file system of a few MiB: to fill it up, or to make it read-only."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.requirements import skip_without


@contextlib.contextmanager
def small_disk(directory: Path, mib: int) -> Iterator[Path]:
    """Mount a file system of so many MiB at `directory`, which is made."""
    if os.geteuid() != 0:
        skip_without("root, to mount a small file system")
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(directory)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        skip_without(f"the right to mount a small file system ({done.stderr.strip()})")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def fill_up(disk: Path) -> Path:
    """Write to a file until nothing more fits; returns the file."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler
