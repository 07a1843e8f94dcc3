"""Tries all that a write needs, one check after the other, and says what is wrong and what to do.

`examine` gives a `CheckReport`; `SFTPConnectionTester.check` and `sftp-async doctor` show it.
"""

from sftp_async.tools.doctor.report import CheckReport, CheckStep, Recommendation
from sftp_async.tools.doctor.runner import STEPS, examine

__all__ = ["STEPS", "CheckReport", "CheckStep", "Recommendation", "examine"]
