"""Keeps the files of a stream's state: on a disk, on HDFS, or on an object store.

A store promises three things, and the log needs no more: a file is written atomically, it is
durable when `write` returns, and a listing that begins afterwards has it. No file is written twice,
so the log needs no conditional writes, which pyarrow's file systems do not have.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import posixpath
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sftp_async.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Where a file is written before it gets its name, on stores that rename.
TEMPORARY = "tmp"


class StateStore(ABC):
    """Where the files of a state are. Names are relative to it, with `/` between folders.

    Args:
        location: the store for messages, without secrets.

    """

    def __init__(self, location: str) -> None:
        self.location = location

    def names(self, folder: str = "") -> list[str]:
        """Return the names of a folder's files, sorted; `""` is the state's own folder.

        An empty file counts as none: on Azure a file that is being written is one.

        Raises:
            StateError: the store does not answer, or refuses.

        """
        with self._reporting(f"Listing {folder or 'the files'}"):
            try:
                return sorted(self._list(folder))
            except FileNotFoundError:
                return []

    def open(self, name: str) -> BinaryIO:
        """Open a file to read it.

        Raises:
            FileNotFoundError: it is not there.
            StateError: the store does not answer, or refuses.

        """
        with self._reporting(f"Reading {name}", missing=FileNotFoundError):
            return self._open(name)

    def write(self, name: str, data: bytes) -> None:
        """Write a file that is not there yet: atomic, and durable at the return.

        Raises:
            StateError: the store does not answer, or refuses; the file may be there or not.

        """
        with self._reporting(f"Writing {name}"):
            self._write(name, data)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StateError: the store does not answer, or refuses.

        """
        with self._reporting(f"Removing {name}"), contextlib.suppress(FileNotFoundError):
            self._remove(name)

    @abstractmethod
    def _list(self, folder: str) -> Iterable[str]: ...

    @abstractmethod
    def _open(self, name: str) -> BinaryIO: ...

    @abstractmethod
    def _write(self, name: str, data: bytes) -> None: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...

    @contextlib.contextmanager
    def _reporting(self, what: str, missing: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """Raise a store's errors as ours, but for that of a file that is missing."""
        try:
            yield
        except missing:
            raise
        except Exception as error:
            raise StateError(
                f"{what} in the stream's state at {self.location} failed: "
                f"{str(error) or type(error).__name__}",
                hint="Make the place reachable and writable for the driver, then start the query "
                "again: it continues where it was",
            ) from error


class LocalStore(StateStore):
    """A directory of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        super().__init__(str(self._root))

    def _list(self, folder: str) -> Iterable[str]:
        with os.scandir(self._root / folder) as entries:
            return [entry.name for entry in entries if entry.is_file() and entry.stat().st_size]

    def _open(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")

    def _write(self, name: str, data: bytes) -> None:
        path = self._root / name
        temporary = self._root / temporary_name(name)
        _make_directory(path.parent)
        _make_directory(temporary.parent)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)

    def _remove(self, name: str) -> None:
        (self._root / name).unlink()


def temporary_name(name: str) -> str:
    """Return where a file is written before it is renamed."""
    return posixpath.join(TEMPORARY, posixpath.basename(name))


def _make_directory(path: Path) -> None:
    """Make a directory and those above it, durably."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir(exist_ok=True)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    except OSError as error:  # mounted object stores have no directories to sync
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(directory)


class RemoteStore(StateStore):
    """A folder of a file system of another library.

    Args:
        filesystem: of that library.
        root: the folder's path there.
        location: the store for messages.
        renames: whether a file is visible before it is complete, as on HDFS, and so is renamed
            when it is. Object stores show a file when its upload ends.

    """

    def __init__(self, filesystem: Any, root: str, location: str, *, renames: bool) -> None:
        super().__init__(location)
        self._filesystem = filesystem
        self._root = root.rstrip("/")
        self._renames = renames

    def _path(self, name: str) -> str:
        return posixpath.join(self._root, name).rstrip("/")

    def _write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        if not self._renames:
            self._upload(path, data)
            return
        temporary = self._path(temporary_name(name))
        for directory in (posixpath.dirname(temporary), posixpath.dirname(path)):
            self._make_directory(directory)
        self._upload(temporary, data)
        self._rename(temporary, path)

    @abstractmethod
    def _upload(self, path: str, data: bytes) -> None: ...

    @abstractmethod
    def _make_directory(self, path: str) -> None: ...

    @abstractmethod
    def _rename(self, path: str, new: str) -> None: ...


class ArrowStore(RemoteStore):
    """A folder of a file system of `pyarrow.fs`."""

    def _list(self, folder: str) -> Iterable[str]:
        from pyarrow.fs import FileSelector

        # An object store has no folder before it has a file in it.
        selector = FileSelector(self._path(folder), allow_not_found=True)
        found = self._filesystem.get_file_info(selector)
        return [info.base_name for info in found if info.is_file and info.size]

    def _open(self, name: str) -> BinaryIO:
        stream = self._filesystem.open_input_stream(self._path(name))
        return io.BufferedReader(stream, 1 << 16)  # pyarrow's own files have no readline

    def _upload(self, path: str, data: bytes) -> None:
        # In one call: a stream that an error closes between two calls shows what it has by then.
        with self._filesystem.open_output_stream(path) as stream:
            stream.write(data)

    def _make_directory(self, path: str) -> None:
        self._filesystem.create_dir(path, recursive=True)

    def _rename(self, path: str, new: str) -> None:
        self._filesystem.move(path, new)

    def _remove(self, name: str) -> None:
        self._filesystem.delete_file(self._path(name))


class FsspecStore(RemoteStore):
    """A folder of a file system of fsspec."""

    def _list(self, folder: str) -> Iterable[str]:
        found = self._filesystem.ls(self._path(folder), detail=True)
        files = [info for info in found if info["type"] == "file" and info["size"]]
        return [posixpath.basename(info["name"]) for info in files]

    def _open(self, name: str) -> BinaryIO:
        return cast("BinaryIO", self._filesystem.open(self._path(name), "rb"))

    def _upload(self, path: str, data: bytes) -> None:
        self._filesystem.pipe_file(path, data)

    def _make_directory(self, path: str) -> None:
        self._filesystem.makedirs(path, exist_ok=True)

    def _rename(self, path: str, new: str) -> None:
        self._filesystem.mv(path, new)

    def _remove(self, name: str) -> None:
        self._filesystem.rm_file(self._path(name))
