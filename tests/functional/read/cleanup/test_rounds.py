"""Files that a stream has read are archived or deleted, on OpenSSH and on odd servers."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import OptionsError
from sftp_async.layout.cleanup_names import SetAside, Way
from sftp_async.options import SFTPOptions
from sftp_async.read.cleanup.rounds import CleanResult, Cleanup
from sftp_async.read.cleanup.steps import Outcome
from sftp_async.read.listing import Listing
from sftp_async.read.root_paths import asked_paths
from sftp_async.read.scan import list_scan
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.remote.ssh.connections import connected
from tests.support.sshd import SSHD
from tests.support.tree import snapshot

pytestmark = pytest.mark.once

StartSSHD = Callable[..., SSHD]
STREAM = "0123456789abcdef"


class Stream:
    """What a stream does with the server: it looks, and cleans what it has read."""

    def __init__(
        self,
        server: SSHD | EmbeddedServer,
        way: Way,
        *paths: str,
        archive: str | None = None,
        **options: Any,
    ) -> None:
        if way == "archive":
            options["source_archive_dir"] = archive
        self.options = SFTPOptions(**server.options(), path=paths[0], clean_source=way, **options)
        self.paths = paths
        roots = asked_paths(self.options, paths)
        self.cleanup = Cleanup(self.options, roots, STREAM)

    def look(self) -> Listing:
        return list_scan(self.options, self.paths)[1]

    def clean(self, listing: Listing | None = None) -> CleanResult:
        listing = self.look() if listing is None else listing
        return self.cleanup.clean(listing.files, listing.set_aside)


def put(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
        os.utime(directory / name, (1_700_000_000, 1_700_000_000))


def names(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir())


def texts(directory: Path) -> list[str]:
    return sorted(path.read_text() for path in directory.rglob("*") if path.is_file())


def test_an_archive_gets_the_files_in_their_directories_and_with_their_times(
    sshd: SSHD, remote_dir: Path
) -> None:
    put(remote_dir, "in/k=1/a.csv", "in/k=1/b.csv", "in/k=2/c.csv", "in/k=2/_hidden")
    stream = Stream(sshd, "archive", f"{remote_dir}/in", archive=f"{remote_dir}/done")
    assert stream.clean() == CleanResult(cleaned=3)
    assert names(remote_dir / "in") == ["k=2/_hidden"]
    assert names(remote_dir / "done") == ["k=1/a.csv", "k=1/b.csv", "k=2/c.csv"]
    assert (remote_dir / "done" / "k=1" / "a.csv").stat().st_mtime == 1_700_000_000
    assert stream.clean(Listing(())) == CleanResult()


def test_deleted_files_are_gone_and_others_stay(sshd: SSHD, remote_dir: Path) -> None:
    put(remote_dir, "in/a.csv", "in/b.csv", "in/late.csv")
    stream = Stream(sshd, "delete", f"{remote_dir}/in/[ab].csv")
    listing = stream.look()
    put(remote_dir, "in/new.csv")
    assert stream.clean(listing) == CleanResult(cleaned=2)
    assert names(remote_dir / "in") == ["late.csv", "new.csv"]
    # A second query that shares the listing finds the files gone.
    assert stream.clean(listing) == CleanResult()


def test_a_thousand_files_are_archived_over_one_connection(sshd: SSHD, remote_dir: Path) -> None:
    put(remote_dir, *(f"in/{number:04}.csv" for number in range(1000)))
    stream = Stream(sshd, "archive", f"{remote_dir}/in", archive=f"{remote_dir}/done")
    listing = stream.look()
    assert stream.clean(listing) == CleanResult(cleaned=1000)
    assert len(names(remote_dir / "done")) == 1000
    assert names(remote_dir / "in") == []


def test_a_name_that_is_taken_in_the_archive_is_never_replaced(
    sshd: SSHD, remote_dir: Path
) -> None:
    stream = Stream(sshd, "archive", f"{remote_dir}/in", archive=f"{remote_dir}/done")
    for _ in range(3):
        put(remote_dir, "in/orders.csv.gz")
        assert stream.clean().cleaned == 1
    assert names(remote_dir / "done") == [
        "orders.20231114T221320Z-1.csv.gz",
        "orders.20231114T221320Z.csv.gz",
        "orders.csv.gz",
    ]


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_a_version_that_was_not_read_stays(sshd: SSHD, remote_dir: Path, way: Way) -> None:
    put(remote_dir, "in/a.csv", "in/b.csv", "in/c.csv")
    archive = f"{remote_dir}/done"
    stream = Stream(sshd, way, f"{remote_dir}/in", archive=archive)
    listing = stream.look()
    (remote_dir / "in/a.csv").write_text("longer than it was")
    os.utime(remote_dir / "in/b.csv", (1_700_000_001, 1_700_000_001))
    result = stream.clean(listing)
    assert (result.cleaned, result.left) == (1, {Outcome.CHANGED.value: 2})
    assert names(remote_dir / "in") == ["a.csv", "b.csv"]


class RewritesBeforeRename(FolderServer):
    """Another program rewrites each file once, in the moment before it is renamed."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        path = Path(os.fsdecode(self.map_path(oldpath)))
        if not path.name.startswith("."):
            path.write_text("new " + path.name)
        return super().rename(oldpath, newpath)


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_a_file_that_is_rewritten_between_the_look_and_the_rename_gets_its_name_again(
    tmp_path: Path, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "served"
    put(root, "in/a.csv", "in/b.csv")
    with EmbeddedServer(root, sftp_factory=RewritesBeforeRename) as server:
        stream = Stream(server, way, "/in", archive="/done")
        with caplog.at_level(logging.WARNING, "sftp_async"):
            result = stream.clean()
    assert (result.cleaned, result.left) == (0, {Outcome.CHANGED.value: 2})
    assert texts(root / "in") == ["new a.csv", "new b.csv"]
    assert names(root / "in") == ["a.csv", "b.csv"]
    assert "/in/a.csv was rewritten" in caplog.text


class DeliversAgain(FolderServer):
    """Another program delivers a file again as soon as its name is free."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        path = Path(os.fsdecode(self.map_path(oldpath)))
        again = path.name == "a.csv" and not (path.parent / "seen").exists()
        if again:
            path.write_text("second")
        super().rename(oldpath, newpath)
        if again:
            (path.parent / "seen").touch()
            path.write_text("third delivery")


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_a_new_version_whose_name_is_taken_again_gets_a_name_like_it(
    tmp_path: Path, way: Way
) -> None:
    root = tmp_path / "served"
    put(root, "in/a.csv")
    with EmbeddedServer(root, sftp_factory=DeliversAgain) as server:
        Stream(server, way, "/in/*.csv", archive="/done").clean()
        found = Stream(server, way, "/in/*.csv").look() if way == "delete" else None
    assert (root / "in" / "a.csv").read_text() == "third delivery"
    [other] = (root / "in").glob("a.*.csv")
    assert other.read_text() == "second"
    assert not list((root / "in").glob(".*"))
    if found is not None:
        assert [file.path for file in found.files] == [f"/in/{other.name}", "/in/a.csv"]


@pytest.mark.parametrize("way", ["archive", "delete"])
@pytest.mark.parametrize("lost", ["rename", "remove"])
def test_a_connection_that_is_lost_at_any_request_is_caught_up(
    tmp_path: Path, way: Way, lost: str
) -> None:
    root = tmp_path / "served"
    put(root, *(f"in/{number}.csv" for number in range(40)))
    left = {"before": 3, "after": 3}

    class Drops(FolderServer):
        def _drop(self, when: str) -> None:
            if left[when]:
                left[when] -= 1
                self.connection.abort()
                raise asyncssh.SFTPConnectionLost("dropped")

        def rename(self, oldpath: bytes, newpath: bytes) -> Any:
            if lost == "rename":
                self._drop("before")
            super().rename(oldpath, newpath)
            if lost == "rename":
                self._drop("after")

        def remove(self, path: bytes) -> Any:
            super().remove(path)
            if lost == "remove":
                self._drop("after")

    with EmbeddedServer(root, sftp_factory=Drops) as server:
        stream = Stream(server, way, "/in", archive="/done", retry_delay="1ms", max_retries=9)
        stream.clean()
        stream.clean()
    assert names(root / "in") == []
    expected = [f"{number}.csv" for number in range(40)] if way == "archive" else []
    assert names(root / "done" if way == "archive" else root / "in") == sorted(expected)


@pytest.mark.parametrize("way", ["archive", "delete"])
@pytest.mark.parametrize("pattern", ["in", "in/*.csv", "i*/*.csv", "**/*.csv"])
def test_what_a_process_had_set_aside_when_it_was_killed_is_completed_by_the_next(
    sshd: SSHD, remote_dir: Path, way: Way, pattern: str
) -> None:
    put(remote_dir, "in/read.csv", "in/rewritten.csv")
    for name in ("read", "rewritten"):
        path = remote_dir / "in" / f"{name}.csv"
        aside = SetAside(str(path), path.stat().st_size, 1_700_000_000, STREAM[:8], way)
        if name == "rewritten":
            path.write_text("a version that was not read")
        path.rename(aside.hidden_path)
    put(remote_dir, "in/other.csv")
    stream = Stream(sshd, way, f"{remote_dir}/{pattern}", archive=f"{remote_dir}/_done")
    listing = stream.look()
    assert [Path(file.path).name for file in listing.files] == ["other.csv"]
    assert len(set(listing.set_aside)) == 2
    assert "set it aside" in listing.left_out_summary
    result = stream.cleanup.clean((), listing.set_aside)
    assert (result.cleaned, result.left) == (1, {Outcome.CHANGED.value: 1})
    assert names(remote_dir / "in") == ["other.csv", "rewritten.csv"]
    archived = [] if way == "delete" else ["read.csv"]
    assert [Path(name).name for name in names(remote_dir / "_done")] == archived


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_an_account_that_may_only_read_leaves_everything_as_it_is(
    start_sshd: StartSSHD, remote_dir: Path, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    put(remote_dir, *(f"in/{number}.csv" for number in range(50)))
    server = start_sshd(ForceCommand="internal-sftp -R")
    stream = Stream(server, way, f"{remote_dir}/in", archive=f"{remote_dir}/done")
    before = snapshot(remote_dir)
    with caplog.at_level(logging.WARNING, "sftp_async"):
        result = stream.clean()
        again = stream.clean()
    assert (result.cleaned, result.failed + result.waiting) == (0, 50)
    assert (again.failed, again.waiting) == (result.failed, result.waiting)
    assert snapshot(remote_dir) == before
    # The reason, with what to expect; what goes on is reported once.
    [message] = [r.getMessage() for r in caplog.records if r.name == "sftp_async.read.cleanup"]
    assert f"The first is {remote_dir}/in/" in message
    assert "denied" in message.lower()
    assert "the next look tries again" in message


def test_an_account_that_may_not_remove_leaves_few_files_set_aside(
    start_sshd: StartSSHD, remote_dir: Path
) -> None:
    put(remote_dir, *(f"in/{number}.csv" for number in range(50)))
    server = start_sshd(ForceCommand="internal-sftp -P remove")
    stream = Stream(server, "delete", f"{remote_dir}/in")
    result = stream.clean()
    assert (result.cleaned, result.failed, result.waiting) == (0, 3, 47)
    assert stream.clean().failed == 3
    assert len(stream.look().set_aside) == 3
    assert len(names(remote_dir / "in")) == 50
    # With the right, the next process completes it.
    allowed = Stream(start_sshd(), "delete", f"{remote_dir}/in")
    assert allowed.clean() == CleanResult(cleaned=50)
    assert names(remote_dir / "in") == []


def test_a_server_that_is_gone_fails_no_query(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "served", "in/a.csv")
    with EmbeddedServer(tmp_path / "served") as server:
        stream = Stream(server, "delete", "/in", max_retries=0, connect_timeout=1)
        listing = stream.look()
    with caplog.at_level(logging.WARNING, "sftp_async"):
        result = stream.clean(listing)
    assert (result.cleaned, result.failed, result.waiting) == (0, 1, 1)
    assert f"{server.host}:{server.port}" in caplog.text
    assert (tmp_path / "served" / "in" / "a.csv").exists()


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_symbolic_links_are_left_and_reported(sshd: SSHD, remote_dir: Path, way: Way) -> None:
    put(remote_dir, "in/a.csv", "elsewhere/b.csv")
    (remote_dir / "in" / "link.csv").symlink_to(remote_dir / "elsewhere" / "b.csv")
    stream = Stream(sshd, way, f"{remote_dir}/in", archive=f"{remote_dir}/done")
    result = stream.clean()
    assert (result.cleaned, result.left) == (1, {Outcome.LINK.value: 1})
    assert names(remote_dir / "in") == ["link.csv"]
    assert names(remote_dir / "elsewhere") == ["b.csv"]


class LinksBeforeRename(FolderServer):
    """Another program puts a link in a file's place, in the moment before it is renamed."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        path = Path(os.fsdecode(self.map_path(oldpath)))
        if not path.name.startswith(".") and not path.is_symlink():
            path.unlink()
            path.symlink_to("../secret.csv")
        return super().rename(oldpath, newpath)


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_a_link_that_comes_in_the_place_of_a_file_is_not_followed(tmp_path: Path, way: Way) -> None:
    root = tmp_path / "served"
    put(root, "in/a.csv", "secret.csv")
    # As large, and of the same time.
    (root / "in/a.csv").write_text((root / "secret.csv").read_text())
    os.utime(root / "in/a.csv", (1_700_000_000, 1_700_000_000))
    with EmbeddedServer(root, sftp_factory=LinksBeforeRename) as server:
        result = Stream(server, way, "/in", archive="/done").clean()
    assert result.left == {Outcome.CHANGED.value: 1}
    assert (root / "in" / "a.csv").is_symlink()
    assert (root / "secret.csv").exists()


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_the_done_file_and_the_checksums_of_a_file_go_with_it(
    sshd: SSHD, remote_dir: Path, way: Way
) -> None:
    put(remote_dir, "in/a.csv", "in/a.csv.done", "in/a.csv.sha256", "in/b.csv", "in/b.csv.sha256")
    for name in "ab":
        digest = hashlib.sha256((remote_dir / "in" / f"{name}.csv").read_bytes()).hexdigest()
        (remote_dir / "in" / f"{name}.csv.sha256").write_text(f"{digest}  {name}.csv\n")
    options = {"done_file_template": "{name}.done", "verify": "checksum"}
    stream = Stream(sshd, way, f"{remote_dir}/in", archive=f"{remote_dir}/done", **options)
    assert stream.clean() == CleanResult(cleaned=1)
    assert names(remote_dir / "in") == ["b.csv", "b.csv.sha256"]
    archived = ["a.csv", "a.csv.done", "a.csv.sha256"] if way == "archive" else []
    assert names(remote_dir / "done") == archived


def test_sidecar_files_that_stay_are_not_read_as_data(sshd: SSHD, remote_dir: Path) -> None:
    put(remote_dir, "in/a.csv", "in/a.csv.sha256", "in/a.csv.md5", "in/a.done")
    options = {"done_file_template": "{stem}.done"}
    stream = Stream(sshd, "delete", f"{remote_dir}/in", **options)
    assert stream.clean() == CleanResult(cleaned=1)
    # Another file may share this done file.
    assert names(remote_dir / "in") == ["a.csv.md5", "a.csv.sha256", "a.done"]
    assert stream.look().files == []


class SendsAgain(FolderServer):
    """Another program sends a file with its done file again as soon as the name is free."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        super().rename(oldpath, newpath)
        if oldpath.endswith(b"/a.csv"):
            for name in ("a.csv", "a.csv.done"):
                (Path(os.fsdecode(self.map_path(oldpath))).parent / name).write_text(f"in/{name}")


@pytest.mark.parametrize("way", ["archive", "delete"])
def test_the_done_file_of_the_next_version_stays(tmp_path: Path, way: Way) -> None:
    root = tmp_path / "served"
    put(root, "in/a.csv", "in/a.csv.done")
    options = {"done_file_template": "{name}.done"}
    with EmbeddedServer(root, sftp_factory=SendsAgain) as server:
        result = Stream(server, way, "/in", archive="/done", **options).clean()
    assert result.cleaned == 1
    assert names(root / "in") == ["a.csv", "a.csv.done"]


class Replaces(FolderServer):
    """Replaces what has the new name, as SFTPGo does."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        old, new = (Path(os.fsdecode(self.map_path(path))) for path in (oldpath, newpath))
        old.replace(new)


class NoLstat(FolderServer):
    """Does not know `lstat`."""

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        with os.scandir(self.map_path(path)) as there:
            for one in there:
                yield asyncssh.SFTPName(one.name, attrs=asyncssh.SFTPAttrs.from_local(one.stat()))

    def lstat(self, path: bytes) -> Any:
        raise asyncssh.SFTPOpUnsupported("no lstat here")


@pytest.mark.parametrize("factory", [Replaces, NoLstat])
def test_an_odd_server_replaces_nothing_in_the_archive(
    tmp_path: Path, factory: type[FolderServer]
) -> None:
    root = tmp_path / "served"
    put(root, "in/a.csv", "in/b.csv")
    put(root / "done", "a.csv")
    (root / "done" / "a.csv").write_text("older")
    with EmbeddedServer(root, sftp_factory=factory) as server:
        result = Stream(server, "archive", "/in", archive="/done").clean()
    assert result == CleanResult(cleaned=2)
    assert texts(root / "done") == ["in/a.csv", "in/b.csv", "older"]


def test_names_that_are_too_long_to_set_aside_are_reported_and_left(
    sshd: SSHD, remote_dir: Path
) -> None:
    long = "x" * 240 + ".csv"
    put(remote_dir, f"in/{long}", "in/short.csv")
    (remote_dir / "in" / "\udce4\n*.csv").write_text("x")
    result = Stream(sshd, "delete", f"{remote_dir}/in").clean()
    assert (result.cleaned, result.left) == (2, {Outcome.TOO_LONG.value: 1})
    assert names(remote_dir / "in") == [long]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("archive", "refused"),
    [
        ("in/done", True),
        ("in", True),
        ("link/done", True),
        ("", True),
        ("in/_done", False),
        ("done", False),
        ("in2", False),
    ],
)
async def test_an_archive_that_the_stream_would_read_is_refused(
    sshd: SSHD, remote_dir: Path, archive: str, refused: bool
) -> None:
    (remote_dir / "in").mkdir()
    (remote_dir / "link").symlink_to(remote_dir / "in")
    (remote_dir / "link" / "done").mkdir()
    options = SFTPOptions(
        **sshd.options(),
        path=f"{remote_dir}/in",
        clean_source="archive",
        source_archive_dir=f"{remote_dir}/{archive}",
    )
    cleanup = Cleanup(options, asked_paths(options, ()), STREAM)
    async with connected(sshd.options()) as connection:
        if not refused:
            await cleanup.check(connection)
            return
        with pytest.raises(OptionsError, match="would read the files in its archive") as caught:
            await cleanup.check(connection)
    assert f"{remote_dir}/in/_done" in str(caught.value)


@pytest.mark.asyncio
async def test_a_relative_archive_is_compared_with_an_absolute_path(
    embedded_server: EmbeddedServer,
) -> None:
    (embedded_server.root / "in").mkdir()
    options = SFTPOptions(
        **embedded_server.options(),
        path="/in",
        clean_source="archive",
        source_archive_dir="in/done",
    )
    cleanup = Cleanup(options, ("/in",), STREAM)
    async with connected(embedded_server.options()) as connection:
        with pytest.raises(OptionsError, match="would read the files in its archive"):
            await cleanup.check(connection)
