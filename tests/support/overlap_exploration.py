"""Explores schedules of overlapping jobs: pauses of each, jobs that stand still, and at random."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from tests.support.overlap_model import Overlap, Play, Turn


@dataclass
class Explored:
    """The schedules that were played, and those that broke a rule."""

    played: int = 0
    broken: list[tuple[Sequence[Turn], list[str]]] = field(default_factory=list)

    async def play(
        self, overlap: Overlap, turns: Sequence[Turn], killed: frozenset[int] = frozenset()
    ) -> Play:
        play = Play(overlap, turns, killed)
        rules = await play.run()
        self.played += 1
        if rules:
            self.broken.append((turns, rules))
        return play


async def explore_pauses(
    overlap: Overlap, step: int = 1, *, kill: bool = False, seed: int = 16
) -> Explored:
    """Play two jobs by every schedule with one pause of each.

    The first makes i requests, the second j, the first goes on to its end, then the second: for
    every i and j, and with the jobs in both orders. For a j that is all of the second job, the
    first stands still while the second begins and ends. The schedules without a pause, of j = 0 or
    of an i that is all of the first job, are one, which is played once.

    Args:
        overlap: of two jobs.
        step: between one i, and one j, and the next, on average; they differ at random.
        kill: the first does not go on: its process dies.
        seed: of the random steps.

    """
    explored, source = Explored(), random.Random(seed)
    for first, second in ((0, 1), (1, 0)):
        killed = frozenset({first}) if kill else frozenset()
        alone = await explored.play(overlap, [(first, None)])
        made = [sys.maxsize, sys.maxsize]
        i = 0
        while i < alone.lives[first].requests:
            j = 0 if kill else source.randrange(1, 2 * step)
            while j <= (0 if kill else made[second]):
                turns = [(first, i), (second, None if kill else j), (first, None)]
                play = await explored.play(overlap, turns, killed)
                made = [life.requests for life in play.lives]
                j += source.randrange(1, 2 * step)
            i += source.randrange(1, 2 * step)
    return explored


async def explore_two_pauses(
    overlap: Overlap,
    step: int = 1,
    *,
    longest: int,
    until_broken: bool = False,
) -> Explored:
    """Play two jobs by every schedule with two pauses of one of them, and one of the other.

    The first makes i requests, the second j, the first k, the second goes on to its end, then the
    first: for every i, j and k, and with the jobs in both orders. So the first takes a step or a
    few in the middle of what the second does, such as its listings.

    Args:
        overlap: of two jobs.
        step: from one j to the next; every i is played, and every k.
        longest: the greatest k.
        until_broken: stop at the first schedule that breaks a rule.

    """
    explored = Explored()
    for first, second in ((0, 1), (1, 0)):
        i = 0
        made = [sys.maxsize, sys.maxsize]
        while i < made[first]:
            j = 1
            while j < made[second]:
                for k in range(1, longest + 1):
                    turns = [(first, i), (second, j), (first, k), (second, None), (first, None)]
                    made = [life.requests for life in (await explored.play(overlap, turns)).lives]
                    if until_broken and explored.broken:
                        return explored
                j += step
            i += 1
    return explored


async def explore_pauses_of_three(overlap: Overlap, step: int = 1, seed: int = 16) -> Explored:
    """Play three jobs by every schedule in which two stand still once, while the third is done.

    The first makes i requests, the second j, the third all, then the second goes on to its end,
    and the first: for every i and j, in every order of the jobs. Where j is all of the second job,
    the schedule is that of j = 0 with the second and the third exchanged. Step and seed: as for
    two.
    """
    explored, source = Explored(), random.Random(seed)
    for first, second, third in permutations(range(3)):
        i = 0
        made = [sys.maxsize] * 3
        while i <= made[first]:
            j = 0
            while j < made[second]:
                turns = [(first, i), (second, j), (third, None), (second, None), (first, None)]
                made = [life.requests for life in (await explored.play(overlap, turns)).lives]
                j += source.randrange(1, 2 * step)
            i += source.randrange(1, 2 * step)
    return explored


async def explore_stalls(overlap: Overlap) -> Explored:
    """Play each of two jobs stopped at each of its requests while the other begins and ends."""
    explored = Explored()
    for first, second in ((0, 1), (1, 0)):
        i = made = 0
        while i <= made:
            turns: list[Turn] = [(first, i), (second, None), (first, None)]
            made = (await explored.play(overlap, turns)).lives[first].requests
            i += 1
    return explored


async def explore_at_random(overlap: Overlap, count: int, seed: int) -> Explored:
    """Play schedules of random turns, short and long ones, all of them from one seed."""
    explored, source = Explored(), random.Random(seed)
    for _ in range(count):
        await explored.play(overlap, list(_turns(source, len(overlap.kinds))))
    return explored


def _turns(source: random.Random, jobs: int) -> Iterator[Turn]:
    for _ in range(source.randrange(2, 12)):
        yield source.randrange(jobs), source.choice((1, 2, 3, 5, 8, 13, 21, 40))
