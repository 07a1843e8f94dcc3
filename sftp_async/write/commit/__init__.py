"""One job's commit: prepared before the tasks, completed or rolled back after, recovered later.

`JobCommitter` is its entry point; docs/explanation/commit-protocol.md describes the protocol.
"""

from sftp_async.write.commit.archive_pieces import ArchivePieces
from sftp_async.write.commit.committer import JobCommitter
from sftp_async.write.commit.control_records import ControlRecords
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
    "ArchivePieces",
    "Complete",
    "ControlRecords",
    "Discard",
    "Finish",
    "Interrupted",
    "JobCommitter",
    "Recovered",
    "RollBack",
    "Sweep",
    "recover_target",
    "survey",
]
