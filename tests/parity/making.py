"""Frames that hypothesis makes up, the same in every run: made in a process of their own.

Hypothesis mixes in constants of all modules that are loaded; which these are depends on the tests
that ran before.
"""

from __future__ import annotations

import multiprocessing
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.parity import frames as f


class Maker:
    """Makes frames in another process."""

    def __init__(self, process: ProcessPoolExecutor) -> None:
        self._process = process

    def frames(self, kind: str, marks: str, number: int, key: object) -> list[f.Frame]:
        """Return frames, others for each key.

        Args:
            kind: one of `frames.KINDS`.
            marks: punctuation of strings.
            number: how many.
            key: has a `repr`.

        """
        return self._process.submit(generated, kind, marks, number, repr(key)).result()


@contextmanager
def maker() -> Iterator[Maker]:
    """Start the process."""
    # Spawned: a fork would have this process's modules.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        yield Maker(process)


def generated(kind: str, marks: str, number: int, key: str) -> list[f.Frame]:
    """Make frames; see `Maker.frames`."""
    made: list[f.Frame] = []

    @seed(zlib.crc32(key.encode()))
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(f.any_frame(f.KINDS[kind](marks)))
    def take(frame: f.Frame) -> None:
        made.append(frame)

    take()
    assert len(made) == number
    return made
