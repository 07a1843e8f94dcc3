"""The distributions as users get them: a wheel that is built from the source distribution."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.support.spark import REPOSITORY


def unpacked_wheel(directory: Path) -> Path:
    """Build the wheel and unpack it; on PYTHONPATH it is as good as installed.

    The source distribution and the wheel are in `built` of the directory.
    """
    built, source, unpacked = (directory / name for name in ("built", "source", "unpacked"))
    _build("sdist", REPOSITORY, built)
    (packed_source,) = built.glob("*.tar.gz")
    with tarfile.open(packed_source) as packed_files:
        packed_files.extractall(source, filter="data")
    (unpacked_source,) = source.iterdir()
    _build("wheel", unpacked_source, built)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(unpacked)
    return unpacked


def _build(kind: str, tree: Path, target: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
