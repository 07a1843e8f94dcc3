"""Changes `connections.toml`: comments and order are kept, and the new file replaces the old."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import tomlkit
from tomlkit import TOMLDocument

from sftp_async.options import SFTPOptions
from sftp_async.options.private_file import read_private_file
from sftp_async.options.profiles import Profiles, connections_file


@dataclass
class ConnectionStore:
    """The file of connections, as text and as tables.

    Args:
        profiles: what the file has, read as commands and jobs read it.
        document: the same, for changes.

    """

    profiles: Profiles
    document: TOMLDocument

    @classmethod
    def open(cls) -> Self:
        """Read the file; without one, there are no connections.

        Raises:
            OptionsError: as `Profiles.load`.

        """
        profiles = Profiles.load(SFTPOptions)
        found = read_private_file(connections_file())
        text = found.content.decode("utf-8-sig") if found else ""
        return cls(profiles, tomlkit.parse(text))

    @property
    def file(self) -> Path:
        """The path of the file."""
        return self.profiles.file

    def set(self, name: str, options: Mapping[str, object]) -> None:
        """Add a connection, or replace all of its options."""
        table = tomlkit.table()
        for option, value in options.items():
            multiline = isinstance(value, str) and "\n" in value
            table.add(option, tomlkit.string(str(value), multiline=True) if multiline else value)
        if name not in self.document and len(self.document):
            self.document.add(tomlkit.nl())
        self.document[name] = table

    def remove(self, name: str) -> None:
        """Remove a connection."""
        del self.document[name]

    def save(self) -> None:
        """Write the file for this user alone; it replaces the old one when it is complete.

        Raises:
            OSError: the file cannot be written; the old one is as it was.

        """
        path = Path(os.path.realpath(self.file))  # a link stays one
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.parent / f".{path.name}.{uuid.uuid4().hex}"
        try:
            with open(
                unfinished, "x", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)
            ) as file:
                file.write(tomlkit.dumps(self.document))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
