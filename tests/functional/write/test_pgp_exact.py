"""One encrypted exact file of several partitions and control records, joined by the driver."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import ConnectionLostError, EncodeError, OptionsError
from sftp_async.formats.pgp.joinable import JoinableFormat, Joining
from sftp_async.formats.pgp.recipients import recipient_ids
from sftp_async.options import SFTPOptions
from sftp_async.write.commit import encrypted_pieces
from sftp_async.write.plan import plan_job
from tests.support.gnupg import GnuPG
from tests.support.jobs import real_job, upload, write
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

#: What every line of a test holds, and no encrypted file.
MARK = "in the clear"
PARTS = [[f"{MARK} {part} {row}" for row in range(2000)] for part in range(3)]
CONTENT = "".join(f"{line}\n" for part in PARTS for line in part).encode()


@pytest.mark.parametrize("signer", [None, "ecc"])
@pytest.mark.parametrize("name", ["a.txt.pgp", "a.txt.gz.pgp", "a.txt.asc"])
def test_partitions_become_one_message_for_the_recipients_alone(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, name: str, signer: str | None
) -> None:
    given: dict[str, Any] = {"pgp_public_key": gnupg.public("rsa", "ecc").decode()}
    if signer:
        given["pgp_sign_key"] = gnupg.private(signer).decode()
    write(sshd.options(), f"{remote_dir}/{name}", *PARTS, **given)
    assert [path.name for path in remote_dir.iterdir()] == [name]
    message = (remote_dir / name).read_bytes()
    assert message.startswith(b"-----BEGIN PGP MESSAGE-----") == name.endswith("asc")
    opened = gnupg.decrypt(message)
    content = gzip.decompress(opened.content) if ".gz" in name else opened.content
    assert content == CONTENT
    assert opened.status.count("ENC_TO") == 2
    assert ("VALIDSIG" in opened.status) == (signer is not None)


@pytest.mark.parametrize("partitions", [PARTS, PARTS[:1]], ids=["joined", "as it is"])
def test_without_rename_the_message_is_written_under_its_name(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, partitions: list[list[str]]
) -> None:
    (remote_dir / "a.txt.pgp").write_bytes(b"older")
    given = {"pgp_public_key": gnupg.public("ecc").decode(), "commit_mode": "direct"}
    write(sshd.options(), f"{remote_dir}/a.txt.pgp", *partitions, overwrite=True, **given)
    assert [path.name for path in remote_dir.iterdir()] == ["a.txt.pgp"]
    lines = [line for part in partitions for line in part]
    content = gnupg.decrypt((remote_dir / "a.txt.pgp").read_bytes()).content
    assert content.decode().splitlines() == lines


def test_a_single_partition_is_the_file_as_its_task_has_encrypted_it(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing is to be joined")

    monkeypatch.setattr(Joining, "__init__", never)
    keys = gnupg.public("rsa", "ecc").decode()
    write(sshd.options(), f"{remote_dir}/a.txt.pgp", PARTS[0], [], pgp_public_key=keys)
    opened = gnupg.decrypt((remote_dir / "a.txt.pgp").read_bytes())
    assert opened.content == "".join(f"{line}\n" for line in PARTS[0]).encode()
    assert opened.status.count("ENC_TO") == 2


def test_control_records_are_in_the_message(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> None:
    rows = pa.table({"id": [1, 2, 3], "amount": pa.array(["1.10", "2.20", "-0.30"])})
    rows = rows.set_column(1, "amount", rows["amount"].cast(pa.decimal128(9, 2)))
    options = SFTPOptions(
        **sshd.options(),
        path=f"{remote_dir}/a.csv.pgp",
        header=True,
        header_lines="HDR {name}",
        footer_lines="TRL {rows:05d} {sum(amount)}",
        pgp_public_key=gnupg.public("ecc").decode(),
        checksum_files="md5",
        manifest=True,
        verify="readback",
    )
    job = plan_job(options, rows.schema, overwrite=False).prepare()
    parts = [
        part
        for number in range(3)
        for part in job.write(number, rows.slice(number, 1).to_batches())[0]
    ]
    job.commit(parts)
    content = gnupg.decrypt((remote_dir / "a.csv.pgp").read_bytes()).content
    assert content == b"HDR a.csv.pgp\nid,amount\n1,1.10\n2,2.20\n3,-0.30\nTRL 00003 3.00\n"
    (stated,) = json.loads((remote_dir / "_manifest.json").read_text())["files"]
    assert stated["bytes"] == (remote_dir / "a.csv.pgp").stat().st_size
    assert (remote_dir / "a.csv.pgp.md5").exists()


def test_what_ends_a_format_is_in_the_message(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> None:
    given = {"format": "xml", "pgp_public_key": gnupg.public("ecc").decode()}
    write(sshd.options(), f"{remote_dir}/a.xml.pgp", ["a"], ["b"], **given)
    content = gnupg.decrypt((remote_dir / "a.xml.pgp").read_bytes()).content
    assert content.count(b"<line>") == 2
    assert content.rstrip().endswith(b"</ROWS>")


@pytest.mark.parametrize("name", ["a.txt.pgp", "a.txt.asc"])
def test_an_empty_dataframe_makes_an_encrypted_empty_file(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, name: str
) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode()}
    write(sshd.options(), f"{remote_dir}/{name}", [], [], **given)
    assert gnupg.decrypt((remote_dir / name).read_bytes()).content == b""


@pytest.mark.parametrize("name", ["a.txt.pgp", "a.txt.asc"])
def test_no_byte_is_in_the_clear_from_the_tasks_to_the_end_of_the_commit(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def look() -> None:
        files = [path.read_bytes() for path in remote_dir.rglob("*") if path.is_file()]
        looks.append(sum(map(len, files)))
        assert not any(
            mark in content for mark in (MARK.encode(), b"the last line") for content in files
        )

    expect_size = encrypted_pieces.expect_size

    async def joined(*given: Any) -> None:
        look()
        await expect_size(*given)

    monkeypatch.setattr(encrypted_pieces, "expect_size", joined)
    given = {"pgp_public_key": gnupg.public("rsa").decode(), "footer_lines": "the last line"}
    job = real_job(sshd.options(), f"{remote_dir}/{name}", **given).prepare()
    parts = upload(job, *PARTS)
    look()
    job.commit(parts)
    look()
    assert len(looks) == 3
    assert looks[1] > looks[0] > 0
    assert gnupg.decrypt((remote_dir / name).read_bytes()).content == CONTENT + b"the last line\n"


def test_only_the_job_can_open_what_is_staged(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode()}
    job = pickle.loads(pickle.dumps(real_job(sshd.options(), f"{remote_dir}/a.txt.asc", **given)))
    job = job.prepare()
    (part,) = upload(job, PARTS[0])
    staged = next(path for path in remote_dir.rglob("part-*"))
    # With the packet that the driver has, too, no partner can open it.
    message = part.key_packet + staged.read_bytes()
    assert len(recipient_ids(message) or ()) == 1
    with pytest.raises(AssertionError, match="gpg: "):
        gnupg.decrypt(message)
    assert "key_packet" not in repr(part)
    job.commit([part])
    content = "".join(f"{line}\n" for line in PARTS[0]).encode()
    assert gnupg.decrypt((remote_dir / "a.txt.asc").read_bytes()).content == content


def test_a_part_that_was_changed_on_the_server_is_an_error_and_nothing_appears(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode()}
    job = real_job(sshd.options(), f"{remote_dir}/a.txt.pgp", **given).prepare()
    parts = upload(job, *PARTS)
    staged = next(path for path in remote_dir.rglob("part-00001-*"))
    content = bytearray(staged.read_bytes())
    content[len(content) // 2] ^= 1
    staged.write_bytes(content)
    with pytest.raises(EncodeError, match="cannot be decrypted again") as caught:
        job.commit(parts)
    assert str(caught.value.path).endswith(staged.name)
    job.abort()
    assert not [*remote_dir.iterdir()]


def test_a_commit_that_lost_its_connection_joins_again(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_size = encrypted_pieces.expect_size
    lost: list[str] = []

    async def once_lost(connection: Any, path: str, size: int) -> None:
        await expect_size(connection, path, size)
        if not lost:
            lost.append(path)
            raise ConnectionLostError("cut", host=connection.address)

    monkeypatch.setattr(encrypted_pieces, "expect_size", once_lost)
    given = {"pgp_public_key": gnupg.public("ecc").decode(), "retry_delay": 0}
    write(sshd.options(), f"{remote_dir}/a.txt.pgp", *PARTS, **given)
    assert lost
    assert [path.name for path in remote_dir.iterdir()] == ["a.txt.pgp"]
    assert gnupg.decrypt((remote_dir / "a.txt.pgp").read_bytes()).content == CONTENT


def test_what_is_joined_is_removed_where_directories_cannot_be_listed(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode(), "footer_lines": "{rows}"}
    job = real_job(sshd.options(), f"{remote_dir}/a.txt.pgp", **given).prepare()
    committer = job._committer()
    parts = upload(job, *PARTS)
    job._run(lambda connection: committer.commit(connection, parts))
    names = {path.rpartition("/")[2] for path in committer._pieces}
    assert {part.staged for part in parts} < names
    assert len(names) == 4
    assert not any(name.startswith("encrypted-") for name in names)


def test_every_job_has_a_key_of_its_own(gnupg: GnuPG) -> None:
    server = {"host": "nowhere.invalid", "username": "u", "password": "p"}
    given = {"pgp_public_key": gnupg.public("ecc").decode()}
    formats = [real_job(server, "/a.txt.pgp", **given).file_format for _ in range(2)]
    keys = []
    for each in formats:
        assert isinstance(each, JoinableFormat)
        keys.append(each._opening["private_key"])
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"footer_lines": "{sha256}"}, "{sha256}, which would be that of the encrypted data"),
        ({"header_lines": "{bytes}"}, "{bytes}, which would be that of the encrypted data"),
        ({"footer_lines": "{rows}", "archive": "zip"}, "for an archive that is not encrypted"),
        ({"footer_lines": "{rows}", "format": "parquet"}, "format=parquet has no lines"),
    ],
)
def test_what_cannot_be_in_a_message_is_refused_before_a_connection(
    gnupg: GnuPG, given: dict[str, Any], sentence: str
) -> None:
    server = {"host": "nowhere.invalid", "username": "u", "password": "p"}
    given = {**given, "pgp_public_key": gnupg.public("ecc").decode()}
    with pytest.raises(OptionsError) as caught:
        real_job(server, "/a", single_file=True, **given)
    assert sentence in str(caught.value)


def test_parquet_of_two_partitions_with_rows_is_refused_with_a_hint(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode(), "format": "parquet"}
    job = real_job(sshd.options(), f"{remote_dir}/a.parquet.pgp", **given).prepare()
    with pytest.raises(EncodeError, match=r"cannot be joined .*coalesce\(1\)"):
        upload(job, ["a"], ["b"])
    job.abort()
    assert not [*remote_dir.iterdir()]
