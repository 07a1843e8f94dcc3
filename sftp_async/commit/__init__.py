"""One job's commit: prepared before the tasks, made visible or taken back after, recovered later.

`JobCommitter` is the face of it; the protocol is told in docs/explanation/commit-protocol.md.
"""

from sftp_async.commit.committer import JobCommitter
from sftp_async.commit.control import ControlRecords
from sftp_async.commit.recovery import Recovered, recover_target
from sftp_async.commit.survey import Abandoned, Found, Interrupted, survey

__all__ = [
    "Abandoned",
    "ControlRecords",
    "Found",
    "Interrupted",
    "JobCommitter",
    "Recovered",
    "recover_target",
    "survey",
]
