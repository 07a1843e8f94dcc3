"""One job's commit: prepared before the tasks, made visible or taken back after, recovered later.

`JobCommitter` is the face of it; the protocol is told in docs/commit-protocol.md.
"""

from sftp_async.commit.committer import JobCommitter
from sftp_async.commit.control import ControlRecords
from sftp_async.commit.recovery import Recovered, recover_target

__all__ = ["ControlRecords", "JobCommitter", "Recovered", "recover_target"]
