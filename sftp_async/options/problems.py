"""Collects what checks find wrong, so that one error reports all of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import EncodeError, OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Problems:
    """The mistakes of one write, in the order in which they are found.

    `add` takes the sentences that checks yield. A check that raises is called within `collect`.
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

    @property
    def sentences(self) -> list[str]:
        """Everything that was found, each once."""
        return list(dict.fromkeys(map(str, self._found)))

    def raise_all(self) -> None:
        """Raise one error for everything that was found, if anything was.

        Raises:
            EncodeError: columns are all that is wrong; names each of them.
            OptionsError: lists all problems, each once.

        """
        if not self._found:
            return
        columns = [each for each in self._found if isinstance(each, EncodeError)]
        if len(columns) == 1 == len(self._found):
            raise columns[0]
        if len(columns) < len(self._found):
            raise OptionsError(self.sentences)
        items = "".join(f"\n  - {sentence}" for sentence in self.sentences)
        raise EncodeError(f"{len(self.sentences)} problems with the columns:{items}")
