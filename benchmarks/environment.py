"""Describes what the figures were made on: the machine, the versions, the commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sftp_async import __version__

REPOSITORY = Path(__file__).parents[1]
PACKAGES = (
    "pyspark",
    "pyarrow",
    "asyncssh",
    "cryptography",
    "uvloop",
    "isal",
    "pydantic",
    "paramiko",
    "pandas",
    "fsspec",
    "polars",
    "fastavro",
    "tpchgen-cli",
)
#: How each tool prints its version; some do so on standard error.
TOOLS = {
    "ssh": ["ssh", "-V"],
    "rclone": ["rclone", "version"],
    "docker": ["docker", "--version"],
}
SECONDS = 30


def machine(scratch: Path) -> dict[str, Any]:
    """Describe the machine.

    Args:
        scratch: on the disk that is written to.

    """
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": _system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "filesystem": _filesystem(scratch),
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str | None]:
    """Return the version of everything that takes part; None for what is not there."""
    found: dict[str, str | None] = {
        "sftp_async": __version__,
        "python": platform.python_version(),
        "java": _java(),
    }
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    for name, command in TOOLS.items():
        found[name] = _first_line(command)
    return found


def commit() -> dict[str, Any]:
    """Return the commit measured, and whether the work tree differed; nulls outside a clone."""
    revision = _first_line(["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"])
    # Results of the suite itself do not make what is measured another.
    status = ["git", "-C", str(REPOSITORY), "status", "--porcelain", "--", ":!benchmarks/results"]
    changed = _first_line(status)
    return {"commit": revision, "dirty": None if revision is None else changed is not None}


def _first_line(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=SECONDS, env=_environment()
    )
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else None


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return _first_line([str(Path(home, "bin", "java")) if home else "java", "-version"])


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return re.sub(r"\s+", " ", value).strip()
    return platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _filesystem(path: Path) -> str | None:
    """Return the kind of file system at `path`: that of its longest mount point."""
    place, kind = "", None
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, name, *_ = line.split()
        if path.resolve().is_relative_to(mount) and len(mount) >= len(place):
            place, kind = mount, name
    return kind
