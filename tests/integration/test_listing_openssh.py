"""Listings of a real OpenSSH: links, odd names, many files, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import RemoteNotFoundError, RemotePermissionError, SFTPAsyncError
from sftp_async.options import SFTPOptions
from sftp_async.read.listing import Listing, list_files
from sftp_async.read.root_paths import asked_paths
from tests.functional.remote.ssh.connections import connected
from tests.support.sshd import SSHD


async def listed(server: SSHD, *paths: Path | str, **options: Any) -> Listing:
    given = SFTPOptions(**server.options(), **options)
    async with connected(server.options()) as connection:
        return await list_files(connection, asked_paths(given, [str(p) for p in paths]), given)


def names(listing: Listing, root: Path) -> list[str]:
    return [file.path.removeprefix(f"{root}/") for file in listing.files]


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x\n")


@pytest.mark.asyncio
async def test_a_link_to_a_file_is_read_with_the_file_s_size(sshd: SSHD, remote_dir: Path) -> None:
    put(remote_dir, "elsewhere/data.txt", "in/a.txt")
    (remote_dir / "in" / "link.txt").symlink_to("../elsewhere/data.txt")
    (remote_dir / "elsewhere" / "data.txt").write_text("longer\n")
    found = await listed(sshd, remote_dir / "in")
    assert [(file.path.rpartition("/")[2], file.size) for file in found.files] == [
        ("a.txt", 2),
        ("link.txt", 7),
    ]
    assert names(await listed(sshd, remote_dir / "in" / "l*"), remote_dir) == ["in/link.txt"]


@pytest.mark.asyncio
async def test_links_to_directories_are_followed_only_if_asked(
    sshd: SSHD, remote_dir: Path
) -> None:
    put(remote_dir, "elsewhere/deep/b.txt", "in/a.txt")
    (remote_dir / "in" / "linked").symlink_to("../elsewhere")
    for path in ("in", "in/**"):
        found = await listed(sshd, remote_dir / path, recursive_file_lookup=True)
        assert names(found, remote_dir) == ["in/a.txt"]
    found = await listed(sshd, remote_dir / "in", recursive_file_lookup=True)
    assert found.left_out[0].reason.startswith("it is a link to a directory")
    every = ["in/a.txt", "in/linked/deep/b.txt"]
    for path in ("in", "in/**"):
        found = await listed(sshd, remote_dir / path, recursive_file_lookup=True, follow_links=True)
        assert names(found, remote_dir) == every
    # The path itself may lead through links.
    found = await listed(sshd, remote_dir / "in" / "linked", recursive_file_lookup=True)
    assert names(found, remote_dir) == ["in/linked/deep/b.txt"]


@pytest.mark.asyncio
@pytest.mark.parametrize("pattern", ["", "/**/*.txt"])
async def test_links_in_a_circle_end_with_an_error_that_names_the_circle(
    sshd: SSHD, remote_dir: Path, pattern: str
) -> None:
    put(remote_dir, "one/a.txt", "two/b.txt")
    (remote_dir / "one" / "to-two").symlink_to("../two")
    (remote_dir / "two" / "to-one").symlink_to("../one")
    with pytest.raises(SFTPAsyncError, match="leads in a circle") as caught:
        await listed(
            sshd, f"{remote_dir}/one{pattern}", recursive_file_lookup=True, follow_links=True
        )
    assert caught.value.path == f"{remote_dir}/one/to-two/to-one"
    assert f"{remote_dir}/one is on the way to it" in caught.value.message
    # Two links to one directory are no circle.
    (remote_dir / "two" / "to-one").unlink()
    (remote_dir / "one" / "again").symlink_to("../two")
    found = await listed(sshd, remote_dir / "one", recursive_file_lookup=True, follow_links=True)
    assert names(found, remote_dir) == ["one/a.txt", "one/again/b.txt", "one/to-two/b.txt"]


@pytest.mark.asyncio
async def test_a_link_to_itself_or_to_nothing_is_an_error_unless_missing_files_are_ignored(
    sshd: SSHD, remote_dir: Path
) -> None:
    put(remote_dir, "in/a.txt")
    dangling = remote_dir / "in" / "link.txt"
    for target in ("gone.txt", "link.txt"):
        dangling.symlink_to(target)
        with pytest.raises(RemoteNotFoundError, match="link leads to nothing") as caught:
            await listed(sshd, remote_dir / "in")
        assert caught.value.path == str(dangling)
        found = await listed(sshd, remote_dir / "in", ignore_missing_files=True)
        assert names(found, remote_dir) == ["in/a.txt"]
        assert found.left_out_count == 1
        # A link that is not to be read may lead anywhere.
        found = await listed(sshd, remote_dir / "in", path_glob_filter="a*")
        assert names(found, remote_dir) == ["in/a.txt"]
        dangling.unlink()


ODD = [
    "ä ö 漢字 🦆.txt", "a'b\"c.txt", "-rf.txt", "*?[x].txt", "tab\tnew\nline.txt",
    "\udcff\udcfe.txt", "back\\slash.txt", "n" * 251 + ".txt", "{a,b}.txt", "%41.txt", "k=v.txt",
]  # fmt: skip


@pytest.mark.asyncio
async def test_every_name_that_a_file_can_have_is_listed_and_opened_by_it(
    sshd: SSHD, remote_dir: Path
) -> None:
    for name in ODD:
        (remote_dir / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    for path in (remote_dir, f"{remote_dir}/*"):
        found = await listed(sshd, path)
        assert sorted(names(found, remote_dir)) == sorted(ODD)
    async with connected(sshd.options()) as connection:
        for file in found.files:
            content = await connection.read_file(file.path, 1000)
            assert content == Path(file.path).name.encode("utf-8", "surrogateescape")
    for name in ODD:
        if "\n" not in name and "*" not in name:
            assert names(await listed(sshd, remote_dir / name), remote_dir) == [name]


@pytest.mark.asyncio
async def test_a_server_that_refuses_to_list_is_an_error(
    start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    put(remote_dir, "in/a.txt")
    server = start_sshd(Subsystem="sftp internal-sftp -P readdir")
    for path in ("in", "in/*.txt", "in/**"):
        with pytest.raises(RemotePermissionError, match="Cannot list"):
            await listed(server, remote_dir / path)


@pytest.mark.asyncio
async def test_an_account_that_may_only_read_is_enough_and_nothing_changes(
    start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    put(remote_dir, "in/k=1/a.txt", "in/k=2/b.txt", "in/_c.txt")
    before = {path: path.stat() for path in sorted(remote_dir.rglob("*"))}
    server = start_sshd(Subsystem="sftp internal-sftp -R")
    found = await listed(
        server, remote_dir / "in", remote_dir / "in/*/*", base_path=str(remote_dir / "in")
    )
    assert names(found, remote_dir) == ["in/k=1/a.txt", "in/k=2/b.txt"]
    after = {path: path.stat() for path in sorted(remote_dir.rglob("*"))}
    assert {path: (each.st_mtime, each.st_size) for path, each in after.items()} == {
        path: (each.st_mtime, each.st_size) for path, each in before.items()
    }
