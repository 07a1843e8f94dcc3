"""Stores of a stream's state for tests: in memory, and ones that stop or fail at a given step."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterable
from typing import BinaryIO, Literal

from sftp_async.read.ingest_log.stores import StateStore


class MemoryStore(StateStore):
    """A dict of files, in which no file is written twice."""

    def __init__(self) -> None:
        super().__init__("memory")
        self.files: dict[str, bytes] = {}

    def _list(self, folder: str) -> Iterable[str]:
        return [
            posixpath.basename(name) for name in self.files if posixpath.dirname(name) == folder
        ]

    def _open(self, name: str) -> BinaryIO:
        if name not in self.files:
            raise FileNotFoundError(name)
        return io.BytesIO(self.files[name])

    def _write(self, name: str, data: bytes) -> None:
        assert name not in self.files, f"{name} is written twice"
        assert data
        self.files[name] = bytes(data)

    def _remove(self, name: str) -> None:
        if name not in self.files:
            raise FileNotFoundError(name)
        del self.files[name]


class StoppedError(BaseException):
    """The process ended here: no `except Exception` catches it."""


Moment = Literal["before", "after"]


class SteppingStore(StateStore):
    """Another store that calls a function before and after each step.

    Args:
        store: that does the work.
        step: called with the name of the operation and the moment; what it raises ends the step.

    """

    def __init__(self, store: StateStore, step: Callable[[str, Moment], None]) -> None:
        super().__init__(store.location)
        self.store = store
        self._step = step

    def _list(self, folder: str) -> Iterable[str]:
        return self._do("list", self.store.names, folder)

    def _open(self, name: str) -> BinaryIO:
        return self._do("open", self.store.open, name)

    def _write(self, name: str, data: bytes) -> None:
        self._do("write", self.store.write, name, data)

    def _remove(self, name: str) -> None:
        self._do("remove", self.store.remove, name)

    def _do(self, operation, function, *arguments):
        self._step(operation, "before")
        result = function(*arguments)
        self._step(operation, "after")
        return result


class StepCounter:
    """Raises an error at one step, before it or after it; counts the steps."""

    def __init__(
        self, at: int | None = None, moment: Moment = "before", error: BaseException | None = None
    ) -> None:
        self.steps = 0
        self._at, self._moment = at, moment
        self._error = error or StoppedError()

    def __call__(self, operation: str, moment: Moment) -> None:
        if moment == "before":
            self.steps += 1
        if self.steps == self._at and moment == self._moment:
            raise self._error
