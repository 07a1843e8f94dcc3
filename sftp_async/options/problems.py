"""Collects what checks find wrong, so that one error reports all of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import EncodeError, OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Problems:
    """The mistakes of one write, in the order in which they are found.

    Checks yield sentences, which `add` takes; those that raise an error are called within
    `collect`.
    """

    def __init__(self) -> None:
        self._found: list[str | EncodeError] = []

    def add(self, problems: Iterable[str]) -> bool:
        """Add sentences; returns whether there were any."""
        before = len(self._found)
        self._found += problems
        return len(self._found) > before

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Add the problems of an OptionsError or EncodeError that ends the block."""
        try:
            yield
        except OptionsError as error:
            self._found += error.problems
        except EncodeError as error:
            self._found.append(error)

    def raise_all(self) -> None:
        """Raise one error for everything that was found, if anything was.

        Raises:
            EncodeError: it is the only problem.
            OptionsError: lists all problems, each once.

        """
        match self._found:
            case []:
                return
            case [EncodeError() as error]:
                raise error
            case found:
                raise OptionsError(list(dict.fromkeys(map(str, found))))
