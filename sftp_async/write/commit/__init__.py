"""One job's commit: prepared before the tasks, made visible or taken back after, recovered later.

`JobCommitter` is the face of it; the protocol is told in docs/explanation/commit-protocol.md.
"""

from sftp_async.write.commit.committer import JobCommitter
from sftp_async.write.commit.control_records import ControlRecords
from sftp_async.write.commit.inspect import Abandoned, Found, Interrupted, survey
from sftp_async.write.commit.recover import Recovered, recover_target

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
