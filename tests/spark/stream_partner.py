"""Fill a directory as partners do, until asked to stop; a script for `test_stream_kills`.

Its first line is a directory and a seed. It renames files into place, writes some slowly under
their final names, gives some an old time, and rewrites some. For each version it says, when it is
complete, how many rows it has: `{file}/{version}/{row} …`. Any further line ends it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from tests.support.cluster import say

#: Seconds between two files, at most.
PAUSE = 2.0
#: Seconds between two pieces of a slow one, at most.
SLOW = 0.4
ROWS = 30


class Partner:
    """Makes files.

    Args:
        inbox: the directory.
        seed: of every choice.

    """

    def __init__(self, inbox: Path, seed: int) -> None:
        self._inbox = inbox
        self._random = random.Random(seed)
        self._versions: list[int] = []

    def make_one(self) -> None:
        """Make a file, or another version of one."""
        if self._versions and self._random.random() < 0.2:
            number = self._random.randrange(len(self._versions))
            self._versions[number] += 1
        else:
            number = len(self._versions)
            self._versions.append(1)
        version = self._versions[number]
        rows = self._random.randint(1, ROWS)
        lines = [f"{number}/{version}/{row} {'x' * 40}\n" for row in range(rows)]
        # Two versions of a file have different sizes: in one second, nothing else tells them apart.
        lines[0] = f"{lines[0].rstrip()}{'x' * ((version - sum(map(len, lines))) % 97)}\n"
        path = self._inbox / f"{number:05d}.txt"
        how = self._random.choice(("rename", "rename", "old time", "slow"))
        slowest = 0.0
        if how == "slow":
            slowest = self._write_slowly(path, lines)
        else:
            draft = path.with_name(f".{path.name}.draft")
            draft.write_text("".join(lines))
            if how == "old time":
                past = self._random.randint(1_000_000_000, 1_600_000_000)
                os.utime(draft, (past, past))
            draft.rename(path)
        say(file=number, version=version, rows=rows, how=how, slowest=slowest)

    def _write_slowly(self, path: Path, lines: list[str]) -> float:
        """Write under the final name; return the longest time without progress, in seconds."""
        slowest, last = 0.0, time.monotonic()
        with path.open("w") as file:
            for line in lines:
                file.write(line)
                file.flush()
                slowest, last = max(slowest, time.monotonic() - last), time.monotonic()
                if self._random.random() < 0.2:
                    time.sleep(self._random.random() * SLOW)
        return max(slowest, time.monotonic() - last)

    def pause(self, stop: threading.Event) -> None:
        """Wait for a moment."""
        stop.wait(self._random.random() * PAUSE)


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    partner = Partner(Path(asked["inbox"]), asked["seed"])
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    while not stop.is_set():
        partner.make_one()
        partner.pause(stop)
    say(done=True)


if __name__ == "__main__":
    main()
