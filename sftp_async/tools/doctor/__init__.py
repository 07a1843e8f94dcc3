"""Checks step by step what a write or a read needs, and reports each fault with its remedy.

`run_checks` returns a `CheckReport`; `SFTPConnectionTester.check` and `sftp-async doctor` show it.
"""

from sftp_async.tools.doctor.checks import READ_STEPS, STEPS, run_checks
from sftp_async.tools.doctor.report import CheckReport, CheckStep, Recommendation

__all__ = ["READ_STEPS", "STEPS", "CheckReport", "CheckStep", "Recommendation", "run_checks"]
