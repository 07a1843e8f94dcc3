"""Names of claims: `claim-<key>/<job>-<document>-<nonce>`, directories next to the staged jobs.

A claim is taken for names that other jobs may use, too: one exact file, or all names of a target.
"""

from __future__ import annotations

import posixpath
import re
import uuid
from dataclasses import dataclass
from typing import Self

from sftp_async.layout.intent_names import JOB_ID
from sftp_async.layout.once import hex_digits
from sftp_async.layout.target_paths import TargetPaths

KEY_DIGITS = 16
_DIRECTORY = re.compile(rf"claim-[0-9a-f]{{{KEY_DIGITS}}}")
_TOKEN = re.compile(rf"(?P<job>{JOB_ID.pattern})-(?P<document>{JOB_ID.pattern})-{JOB_ID.pattern}")
_CLAIM = re.compile(rf"{_DIRECTORY.pattern}/{_TOKEN.pattern}")


@dataclass(frozen=True)
class ClaimToken:
    """One attempt to claim names: the job, what its intent is filed under, the directory's name.

    No two attempts have one name, so that removing one never removes another.
    """

    job_id: str
    document_id: str
    name: str

    @classmethod
    def new(cls, paths: TargetPaths) -> Self:
        """Return a token that differs from every other one."""
        name = f"{paths.job_id}-{paths.document_id}-{uuid.uuid4().hex}"
        return cls(paths.job_id, paths.document_id, name)

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the token of that name; None: it is none."""
        match = _TOKEN.fullmatch(name)
        return cls(match["job"], match["document"], name) if match else None


def claim_directory(paths: TargetPaths, name: str) -> str:
    """Return the name of the directory that holds the claims of a name, in the staging directory.

    Args:
        paths: of a job for the target.
        name: of an exact file in the target; empty: all names in it.

    """
    # A `staging_dir` may be that of several targets.
    target = "" if paths.staging_is_inside else paths.directory
    return f"claim-{hex_digits(chr(0).join((target, name)), KEY_DIGITS)}"


def is_claim_directory(name: str) -> bool:
    """Whether a name in a directory of staging directories is that of a directory of claims."""
    return _DIRECTORY.fullmatch(name) is not None


def safe_claim(claim: str) -> str:
    """Return a claim that an intent names, relative to the staging directories, or the empty name.

    Raises:
        ValueError: it is no claim.

    """
    if claim and not _CLAIM.fullmatch(claim):
        raise ValueError(f"{claim!r} is no claim")
    return claim


def claim_path(paths: TargetPaths, claim: str) -> str:
    """Return the path of a claim on the server."""
    return posixpath.join(paths.staging_base, claim)
