"""The wheel as users get it: built from this tree, and unpacked to be imported from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.spark import REPOSITORY


def unpacked_wheel(directory: Path) -> Path:
    """Build the wheel and unpack it; on PYTHONPATH it is as good as installed."""
    built, unpacked = directory / "built", directory / "unpacked"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(unpacked)
    return unpacked
