"""One job's commit: prepared before the tasks, completed or rolled back after, recovered later.

`JobCommitter` is its entry point; docs/explanation/commit-protocol.md describes the protocol.
"""

from sftp_async.write.commit.committer import JobCommitter
from sftp_async.write.commit.exact_file import Surroundings
from sftp_async.write.commit.pending import (
    Action,
    Complete,
    Discard,
    Finish,
    Interrupted,
    RollBack,
    Sweep,
)
from sftp_async.write.commit.recover import Recovered, recover_target, survey

__all__ = [
    "Action",
    "Complete",
    "Discard",
    "Finish",
    "Interrupted",
    "JobCommitter",
    "Recovered",
    "RollBack",
    "Surroundings",
    "Sweep",
    "recover_target",
    "survey",
]
