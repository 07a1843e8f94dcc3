"""Encrypted files: GnuPG opens what a write makes, and the server never has a byte in the clear."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, with_format
from sftp_async.write.plan import plan_job
from tests.support.gnupg import PASSPHRASE, GnuPG
from tests.support.jobs import LINES, real_job, write, write_part
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

ROWS = [f"row {number}" for number in range(1000)]
CONTENT = "".join(f"{row}\n" for row in ROWS).encode()
#: What every line of a test holds, and no encrypted file.
MARK = "in the clear"


def passphrase_of(name: str) -> str:
    return PASSPHRASE if name == "locked" else ""


@pytest.mark.parametrize("signer", [None, "rsa", "locked"])
@pytest.mark.parametrize("readers", [("rsa",), ("ecc",), ("rsa", "ecc")])
def test_gnupg_opens_what_is_written_and_sees_who_signed_it(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, readers: tuple[str, ...], signer: str | None
) -> None:
    given: dict[str, Any] = {"pgp_public_key": gnupg.public(*readers).decode()}
    if signer is not None:
        passphrase = passphrase_of(signer)
        given["pgp_sign_key"] = gnupg.private(signer, passphrase=passphrase).decode()
        given |= {"pgp_passphrase": passphrase} if passphrase else {}
    write(sshd.options(), f"{remote_dir}/out", ROWS, **given)
    (file,) = (remote_dir / "out").iterdir()
    assert file.name.endswith(".txt.pgp")
    opened = gnupg.decrypt(file.read_bytes())
    assert opened.content == CONTENT
    assert opened.status.count("ENC_TO") == len(readers)
    signed = f"VALIDSIG {gnupg.fingerprint(signer)}" if signer else "VALIDSIG"
    assert (signed in opened.status) == (signer is not None)


def test_each_recipient_alone_can_open_the_file(
    gnupg: GnuPG, gnupg_elsewhere: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    # The other one has the key of the second recipient alone.
    gnupg_elsewhere.key("partner", "ed25519")
    keys = [gnupg.public("rsa").decode(), gnupg_elsewhere.public("partner").decode()]
    write(sshd.options(), f"{remote_dir}/a.txt.pgp", ROWS, pgp_public_key=keys)
    for home in (gnupg, gnupg_elsewhere):
        assert home.decrypt((remote_dir / "a.txt.pgp").read_bytes()).content == CONTENT


@pytest.mark.parametrize("name", ["a.txt.asc", "a.txt.gz.asc", "A.TXT.GPG", "a.txt.gz.pgp"])
def test_the_name_of_an_exact_file_says_how_it_is_compressed_and_whether_it_has_armor(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, name: str
) -> None:
    write(sshd.options(), f"{remote_dir}/{name}", ROWS, pgp_public_key=gnupg.public("rsa").decode())
    message = (remote_dir / name).read_bytes()
    assert message.startswith(b"-----BEGIN PGP MESSAGE-----") == name.endswith("asc")
    content = gnupg.decrypt(message).content
    assert (gzip.decompress(content) if ".gz" in name else content) == CONTENT


def test_parts_with_armor_end_in_asc(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode(), "pgp_armor": True}
    write(sshd.options(), f"{remote_dir}/out", ROWS, ROWS, compression="zstd", **given)
    files = [*(remote_dir / "out").iterdir()]
    assert len(files) == 2
    for file in files:
        assert file.name.endswith(".txt.zst.asc")
        assert file.read_bytes().startswith(b"-----BEGIN PGP MESSAGE-----")


def test_parquet_is_encrypted_as_a_whole(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> None:
    given = {"format": "parquet", "pgp_public_key": gnupg.public("ecc").decode()}
    write(sshd.options(), f"{remote_dir}/a.parquet.pgp", ROWS, **given)
    content = gnupg.decrypt((remote_dir / "a.parquet.pgp").read_bytes()).content
    assert parquet.read_table(io.BytesIO(content)).column("line").to_pylist() == ROWS


@pytest.mark.parametrize(
    ("name", "member"),
    [("a.zip.pgp", "a.csv"), ("a.json.zip.GPG", "a.json"), ("a.tgz.asc", "a.csv")],
)
def test_the_name_of_an_exact_archive_says_so_before_its_extension_of_pgp(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, name: str, member: str
) -> None:
    options = {**sshd.options(), "pgp_public_key": gnupg.public("rsa").decode()}
    job = plan_job(SFTPOptions(**options, path=f"{remote_dir}/{name}"), LINES, overwrite=True)
    job.prepare()
    job.commit(write_part(job, 0, [pa.record_batch([["x", "y"]], schema=LINES)]))
    content = io.BytesIO(gnupg.decrypt((remote_dir / name).read_bytes()).content)
    if "zip" in name:
        assert zipfile.ZipFile(content).namelist() == [member]
    else:
        with tarfile.open(fileobj=content) as archive:
            assert archive.getnames() == [member]
    # A read finds the format as well.
    given = SFTPOptions(**sshd.options(), path=f"{remote_dir}/{name}")
    _, listing = list_scan(given)
    assert with_format(given, listing).format == ("json" if "json" in name else "csv")
    # Without a key the name is refused, as all that would not be encrypted.
    with pytest.raises(OptionsError, match="is that of an encrypted file: set pgp_public_key"):
        plan_job(given, LINES, overwrite=True)
    # Other partitions do not fit into a message, and no template of members changes that.
    with pytest.raises(EncodeError, match="cannot be joined") as caught:
        write_part(job, 1, [pa.record_batch([["z"]], schema=LINES)])
    assert "archive_member_template" not in str(caught.value)


@pytest.mark.parametrize("path", ["out", "a.txt.zip.pgp"])
def test_an_archive_is_encrypted_as_a_whole(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path, path: str
) -> None:
    given = {"archive": "zip", "pgp_public_key": gnupg.public("ecc").decode()}
    write(sshd.options(), f"{remote_dir}/{path}", ROWS, **given)
    (file,) = [found for found in remote_dir.rglob("*.pgp") if found.is_file()]
    assert file.name.endswith(".txt.zip.pgp")
    with zipfile.ZipFile(io.BytesIO(gnupg.decrypt(file.read_bytes()).content)) as archive:
        (member,) = archive.namelist()
        assert member.endswith(".txt")
        assert archive.read(member) == CONTENT


def test_the_server_has_no_byte_in_the_clear_while_the_job_runs_and_after(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    lines = [f"{MARK} {number:07d}" for number in range(20_000)]
    batch = pa.record_batch([pa.array(lines)], schema=LINES)
    staged: list[int] = []

    def found() -> int:
        """Return how many bytes are on the server; none of them is of a line."""
        files = [path for path in remote_dir.rglob("*") if path.is_file()]
        contents = [path.read_bytes() for path in files]
        assert not any(MARK.encode() in content for content in contents)
        return sum(map(len, contents))

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(25):
            yield batch
            # More than the buffers of the process hold, 4 MiB: the rest is on the server.
            staged.append(found())

    # No codec hides the lines.
    job = real_job(
        sshd.options(),
        f"{remote_dir}/out",
        pgp_public_key=gnupg.public("rsa").decode(),
        chunk_size="64KiB",
        max_buffer_bytes="128KiB",
        checksum_files="sha256",
        manifest=True,
    ).prepare()
    parts = job.write(0, batches())[0]
    assert staged[-1] > 1_000_000
    assert found() > 1_000_000
    job.commit(parts)
    assert found() > 1_000_000
    (file,) = (remote_dir / "out").glob("part-*")
    assert gnupg.decrypt(file.read_bytes()).content.count(MARK.encode()) == 500_000


def test_checksum_files_and_the_manifest_describe_the_encrypted_bytes(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    given = {"pgp_public_key": gnupg.public("rsa").decode(), "verify": "readback"}
    target = f"{remote_dir}/a.txt.pgp"
    write(sshd.options(), target, ROWS, checksum_files="sha256", manifest=True, **given)
    content = (remote_dir / "a.txt.pgp").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert (remote_dir / "a.txt.pgp.sha256").read_text() == f"{digest}  a.txt.pgp\n"
    (stated,) = json.loads((remote_dir / "_manifest.json").read_text())["files"]
    assert (stated["bytes"], stated["sha256"], stated["rows"]) == (len(content), digest, 1000)


def test_each_row_that_is_a_file_is_encrypted(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> None:
    rows = pa.table({"path": ["a.bin", "d/b.pgp", "c.asc"], "content": [b"a" * 10, b"b", b""]})
    options = SFTPOptions(
        **sshd.options(),
        path=f"{remote_dir}/out",
        format="binary",
        pgp_public_key=gnupg.public("ecc").decode(),
    )
    job = plan_job(options, rows.schema, overwrite=False).prepare()
    job.commit(job.write(0, rows.to_batches())[0])
    out = remote_dir / "out"
    for name, content in (("a.bin.pgp", b"a" * 10), ("d/b.pgp", b"b"), ("c.asc", b"")):
        assert gnupg.decrypt((out / name).read_bytes()).content == content


def test_an_overwrite_knows_its_encrypted_files_again(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode()}
    for _ in range(2):
        write(sshd.options(), f"{remote_dir}/out", ["a"], ["b"], overwrite=True, **given)
    assert len([*(remote_dir / "out").iterdir()]) == 2


def test_an_empty_partition_makes_an_encrypted_empty_file(
    gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    given = {"pgp_public_key": gnupg.public("ecc").decode()}
    write(sshd.options(), f"{remote_dir}/a.txt.pgp", [], **given)
    assert gnupg.decrypt((remote_dir / "a.txt.pgp").read_bytes()).content == b""


@pytest.mark.parametrize(
    ("path", "given", "sentence"),
    [
        ("/a.txt.pgp", {}, "'a.txt.pgp' is that of an encrypted file: set pgp_public_key"),
        ("/a.csv.asc", {}, "'a.csv.asc' is that of an encrypted file: set pgp_public_key"),
        ("/o", {"file_name_template": "{seq}.csv.gpg"}, "is that of an encrypted file"),
    ],
)
def test_what_cannot_be_encrypted_is_refused_before_a_connection(
    path: str, given: dict[str, Any], sentence: str
) -> None:
    server = {"host": "nowhere.invalid", "username": "u", "password": "p"}
    with pytest.raises(OptionsError) as caught:
        real_job(server, path, **given)
    assert sentence in str(caught.value)
