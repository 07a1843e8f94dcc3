"""What a job does where a final name is taken: decided once, from the save mode and `if_exists`."""

from __future__ import annotations

from typing import Literal

#: `fail`: the job ends in an error, and nothing of it becomes visible. `replace`: the new file
#: takes the place of the old one. `rename`: the new file gets the next free name (`orders-1.csv`).
#: `ignore`: the one exact file stays as it is, and the job writes nothing.
Collision = Literal["fail", "replace", "rename", "ignore"]


def collision_policy(*, overwrite: bool, if_exists: Collision | None) -> Collision:
    """Return what happens to final names that are taken.

    Args:
        overwrite: the save mode is `overwrite`, or the output mode `complete`; else it is `append`.
        if_exists: the option; None: not set, and the save mode decides.

    """
    if if_exists is not None:
        return if_exists
    return "replace" if overwrite else "fail"
