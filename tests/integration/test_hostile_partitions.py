"""Links in the place of partition directories on OpenSSH: refused, nothing behind them touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import CommitError, SFTPAsyncError
from sftp_async.layout.intent_names import STATES, IntentState
from sftp_async.layout.part_names import PartFile
from sftp_async.write.commit.intent import intent_for
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from tests.support.foreign_files import PART, ForeignDirectory, names
from tests.support.jobs import write_part
from tests.support.sshd import SSHD

SCHEMA = pa.schema([("line", pa.string()), ("c", pa.string()), ("e", pa.string())])

#: Errors about a link: in the place of a partition directory, or of one of this package.
LINK = r"A link is where a .*directory|found a symbolic link"


def partitioned(
    server: SSHD, target: Path, *, overwrite: bool = False, columns: str = "c,e", **options: Any
) -> Job:
    given = {**server.options(), "path": str(target), "partition_by": columns, **options}
    return plan_job(SFTPOptions(**given), SCHEMA, overwrite=overwrite).prepare()


def upload(job: Job, *values: str) -> tuple[PartFile, ...]:
    """A row for each value of both columns."""
    columns = [[f"row {value}" for value in values], list(values), list(values)]
    return write_part(job, 0, [pa.record_batch(columns, schema=SCHEMA)])


@pytest.mark.parametrize("mode", ["append", "static", "dynamic", "direct"])
@pytest.mark.parametrize("place", ["c=1", "c=1/e=1"])
@pytest.mark.parametrize("behind", ["sub", "nothing", "kept.csv"])
def test_nothing_is_written_through_a_link_in_the_place_of_a_partition(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, mode: str, place: str, behind: str
) -> None:
    link = remote_dir / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside.path / behind)
    before = set(remote_dir.rglob("*"))
    job = partitioned(
        sshd,
        remote_dir,
        overwrite=mode in ("static", "dynamic"),
        **({"partition_overwrite_mode": mode} if mode in ("static", "dynamic") else {}),
        commit_mode="direct" if mode == "direct" else "rename",
    )
    with pytest.raises(SFTPAsyncError, match=LINK):
        job.commit(upload(job, "0", "1", "2"))
    job.abort()
    assert outside.untouched()
    after = set(remote_dir.rglob("*"))
    if mode == "direct":
        # A task that fails may have made a directory and not come to write to it.
        after = {path for path in after if path in before or not path.is_dir()}
    assert after == before


def test_an_overwrite_of_everything_refuses_a_link_that_it_does_not_write_to(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory
) -> None:
    (remote_dir / "c=9").symlink_to(outside.path)
    job = partitioned(sshd, remote_dir, overwrite=True, partition_overwrite_mode="static")
    with pytest.raises(CommitError, match=LINK):
        job.commit(upload(job, "1"))
    job.abort()
    assert outside.untouched()
    assert names(remote_dir) == {b"c=9"}


@pytest.mark.parametrize(
    "state", [state for state in STATES if state not in ("undone", "finished", "discarded")]
)
def test_an_interrupted_job_removes_and_makes_nothing_behind_a_link(
    sshd: SSHD,
    remote_dir: Path,
    outside: ForeignDirectory,
    recover_here: Callable[..., Any],
    state: IntentState,
) -> None:
    job = partitioned(sshd, remote_dir, overwrite=True, partition_overwrite_mode="static")
    # What a forger would write: everything in it is behind the link, by a name that fits.
    part = PartFile("staged", f"c=1/{PART}", 1, 8, "")
    forged = intent_for(
        job.layout,
        (part,),
        removes=("c=1/kept.csv",),
        makes=("c=1", "c=1/e=1"),
        options=job.options,
        manifest=None,
    )
    (outside.path / "e=1").mkdir()
    (remote_dir / "c=1").symlink_to(outside.path)
    Path(forged.paths.document(state)).write_bytes(forged.to_json())
    Path(job.layout.staging, "staged").write_text("precious")
    before = outside.path.stat().st_mtime_ns
    with pytest.raises(CommitError, match=LINK):
        recover_here()
    assert (outside.path / "e=1").is_dir()
    assert (outside.path / "kept.csv").read_text() == "precious"
    assert (outside.path / PART).read_text() == "precious"
    assert outside.path.stat().st_mtime_ns == before
