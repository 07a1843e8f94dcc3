"""Checks everything that a write needs, step by step, and reports each fault with its remedy.

`run_checks` returns a `CheckReport`; `SFTPConnectionTester.check` and `sftp-async doctor` show it.
"""

from sftp_async.tools.doctor.report import CheckReport, CheckStep, Recommendation
from sftp_async.tools.doctor.runner import STEPS, run_checks

__all__ = ["STEPS", "CheckReport", "CheckStep", "Recommendation", "run_checks"]
