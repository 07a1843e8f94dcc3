"""Encrypted files are read as what they hold, and what is damaged or not signed is an error."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from sftp_async.errors import DecodeError, OptionsError, SFTPAsyncError, VerificationError
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, plan_schema, scan_of, with_format
from sftp_async.read.task import ReadCounters, read_task
from tests.support.gnupg import PASSPHRASE, GnuPG, owner
from tests.support.jobs import write
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

#: More than Sequoia verifies before it yields the first byte.
HELD_BACK = 25 * 1024**2


def text(size: int) -> bytes:
    """Return lines: long ones for a large file, as its size matters, and each row takes time."""
    line = b"0123456789abcde" * (273 if size > HELD_BACK else 1) + b"\n"
    return line * (size // len(line))


class Reads:
    """Reads of a directory of a real server, with the columns that are found in the files."""

    def __init__(self, gnupg: GnuPG, server: SSHD, directory: Path) -> None:
        self.gnupg = gnupg
        self.server = server
        self.directory = directory

    def put(self, name: str, content: bytes, *readers: str, **given: Any) -> None:
        """Put a message of GnuPG on the server."""
        message = self.gnupg.encrypt(content, *(readers or ("rsa",)), **given)
        (self.directory / name).write_bytes(message)

    def options(self, path: str = "", **given: Any) -> SFTPOptions:
        keys = {"pgp_private_key": self.gnupg.private("rsa").decode()} | given
        keys = {name: value for name, value in keys.items() if value is not None}
        return SFTPOptions(**self.server.options(), path=f"{self.directory}/{path}", **keys)

    def rows(self, path: str = "", **given: Any) -> list[dict[str, Any]]:
        """Return the rows; the tasks run one after the other."""
        return [row for batch in self.batches(path, **given) for row in batch.to_pylist()]

    def batches(
        self, path: str = "", counters: ReadCounters | None = None, **given: Any
    ) -> list[pa.RecordBatch]:
        asked = self.options(path, **given)
        schema = plan_schema(asked)
        asked, listing = list_scan(asked)
        asked = with_format(asked, listing)
        scan, tasks = scan_of(asked, listing, schema)
        counters = counters or ReadCounters()
        return [batch for task in tasks for batch in read_task(scan, task, counters)]


@pytest.fixture
def reads(gnupg: GnuPG, sshd: SSHD, remote_dir: Path) -> Reads:
    return Reads(gnupg, sshd, remote_dir)


@pytest.mark.parametrize("signer", [None, "ecc"])
@pytest.mark.parametrize("readers", [("rsa",), ("ecc",), ("ecc", "rsa")])
@pytest.mark.parametrize("name", ["a.csv.pgp", "A.CSV.GPG", "a.csv.asc"])
def test_what_gnupg_encrypts_is_read(
    reads: Reads, name: str, readers: tuple[str, ...], signer: str | None
) -> None:
    more = ["--armor"] if name.endswith("asc") else []
    more += ["--compress-algo", "none"] if signer else []
    reads.put(name, b"id,name\n1,a\n2,b\n", *readers, signer=signer, more=more)
    key = reads.gnupg.private(readers[0]).decode()
    given: dict[str, Any] = {"pgp_private_key": key, "header": True, "infer_schema": True}
    if signer is not None:
        given["pgp_verify_key"] = reads.gnupg.public(signer).decode()
    assert reads.rows(**given) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


@pytest.mark.parametrize(
    "more",
    [
        ["--compress-algo", "none"],
        ["--compress-algo", "zlib", "--set-filename", "other.csv"],
        ["--throw-keyids"],
        ["--cipher-algo", "AES", "--digest-algo", "SHA512"],
    ],
)
def test_other_ways_of_gnupg_are_read(reads: Reads, more: list[str]) -> None:
    content = b"".join(b"%d,%d\n" % (number, number * 7) for number in range(20_000))
    reads.put("a.csv.pgp", content, more=more)
    assert len(reads.rows()) == 20_000


def test_a_key_with_a_passphrase_and_several_keys_decrypt(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"rsa\n", "rsa")
    reads.put("b.txt.pgp", b"locked\n", "locked")
    keys = "\n".join(
        reads.gnupg.private(name, passphrase=PASSPHRASE).decode() for name in ("rsa", "locked")
    )
    rows = reads.rows(pgp_private_key=keys, pgp_passphrase=PASSPHRASE)
    assert sorted(row["value"] for row in rows) == ["locked", "rsa"]


def test_a_key_with_two_keys_for_encryption_decrypts_what_is_for_either(reads: Reads) -> None:
    reads.gnupg.key("two", "ed25519")
    reads.put("old.txt.pgp", b"old\n", "two")
    reads.gnupg.add("two", "cv25519")
    reads.put("new.txt.pgp", b"new\n", "two")
    rows = reads.rows(pgp_private_key=reads.gnupg.private("two").decode())
    assert sorted(row["value"] for row in rows) == ["new", "old"]


def _gz(content: bytes) -> bytes:
    return gzip.compress(content)


def _tar(content: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def _zip(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv", content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.csv.gz.pgp", _gz), ("a.tar.gz.gpg", _tar), ("a.tgz.asc", _tar), ("a.zip.pgp", _zip)],
)
def test_files_are_decrypted_before_they_are_decompressed_or_unpacked(
    reads: Reads, name: str, pack: Callable[[bytes], bytes]
) -> None:
    reads.put(name, pack(b"1,a\n2,b\n"))
    assert [[*row.values()] for row in reads.rows()] == [["1", "a"], ["2", "b"]]


@pytest.mark.parametrize("form", ["parquet", "orc"])
def test_formats_that_are_read_by_ranges_are_decrypted_to_a_copy(reads: Reads, form: str) -> None:
    table = pa.table({"id": range(5000), "text": [f"text {n}" for n in range(5000)]})
    made = io.BytesIO()
    {"parquet": parquet, "orc": orc}[form].write_table(table, made)
    reads.put(f"a.{form}.pgp", made.getvalue())
    assert reads.rows() == table.to_pylist()


def test_the_local_copy_is_not_in_the_clear(
    reads: Reads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = pa.table({"text": ["in the clear"] * 1000})
    made = io.BytesIO()
    parquet.write_table(table, made, compression="none", use_dictionary=False)
    assert b"in the clear" in made.getvalue()
    reads.put("a.parquet.pgp", made.getvalue())
    written: list[bytes] = []
    opened = tempfile_of(monkeypatch, tmp_path, written)
    assert reads.rows() == table.to_pylist()
    assert opened
    assert sum(map(len, written)) >= len(made.getvalue())
    assert not any(b"in the clear" in content for content in written)


def tempfile_of(monkeypatch: pytest.MonkeyPatch, folder: Path, written: list[bytes]) -> list[Path]:
    """Give temporary files a name, and keep what is in them when they are closed."""
    opened: list[Path] = []

    class Kept(io.FileIO):
        def close(self) -> None:
            if not self.closed:
                self.seek(0)
                written.append(self.readall())
            super().close()

    def temporary(**_: Any) -> Kept:
        path = folder / f"spool-{len(opened)}"
        opened.append(path)
        return Kept(path, "w+")

    monkeypatch.setattr("sftp_async.formats.sealed_file.tempfile.TemporaryFile", temporary)
    return opened


def test_binary_files_are_decrypted_with_a_key_and_read_as_they_are_without(reads: Reads) -> None:
    reads.put("a.pdf.pgp", b"content")
    (row,) = reads.rows(format="binary")
    assert (row["content"], row["length"]) == (b"content", 7)
    assert row["path"].endswith("/a.pdf.pgp")
    (row,) = reads.rows(format="binary", pgp_private_key=None)
    assert row["content"] == (reads.directory / "a.pdf.pgp").read_bytes()


def test_a_checksum_file_is_that_of_the_encrypted_file(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"a\n")
    digest = hashlib.sha256((reads.directory / "a.txt.pgp").read_bytes()).hexdigest()
    (reads.directory / "a.txt.pgp.sha256").write_text(f"{digest}  a.txt.pgp\n")
    assert reads.rows(verify="checksum") == [{"value": "a"}]
    (reads.directory / "a.txt.pgp.sha256").write_text(f"{digest[::-1]}  a.txt.pgp\n")
    with pytest.raises(VerificationError, match="its checksum file says"):
        reads.rows(verify="checksum")


@pytest.mark.parametrize("access", ["auto", "sequential"])
@pytest.mark.parametrize("name", ["a.csv.pgp", "a.parquet.pgp", "a.csv.asc"])
def test_what_a_write_makes_is_read_back(reads: Reads, name: str, access: str) -> None:
    given = {
        "pgp_public_key": reads.gnupg.public("rsa").decode(),
        "pgp_sign_key": reads.gnupg.private("ecc").decode(),
        "format": "parquet" if "parquet" in name else "csv",
    }
    lines = [f"line {number}" for number in range(3000)]
    write(reads.server.options(), f"{reads.directory}/{name}", lines, **given)
    rows = reads.rows(name, access=access, pgp_verify_key=reads.gnupg.public("ecc").decode())
    assert [next(iter(row.values())) for row in rows] == lines


def test_an_encrypted_file_is_never_split(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"".join(b"%d\n" % n for n in range(50_000)))
    asked, listing = list_scan(reads.options(format="text", max_partition_bytes="1000"))
    _, tasks = scan_of(asked, listing, pa.schema([("value", pa.string())]))
    assert [len(task.splits) for task in tasks] == [1]


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_message_that_names_no_key_is_read_with_the_one_that_fits(
    reads: Reads, size: int
) -> None:
    reads.put("a.txt.pgp", random.Random(1).randbytes(size).hex().encode(), more=["--throw-keyids"])
    for names in (("ecc", "rsa"), ("rsa", "ecc")):
        keys = "\n".join(reads.gnupg.private(name).decode() for name in names)
        (row,) = reads.rows(pgp_private_key=keys, format="text")
        assert len(row["value"]) == 2 * size
    with pytest.raises(DecodeError, match=r"for none of pgp_private_key .*for your public key"):
        reads.rows(pgp_private_key=reads.gnupg.private("ecc").decode(), format="text")


def test_of_several_keys_the_one_that_a_message_names_decrypts_it(reads: Reads) -> None:
    hidden = ("--hidden-recipient", reads.gnupg.fingerprint("locked"))
    reads.put("a.txt.pgp", b"a\n", "rsa", more=hidden)
    keys = [reads.gnupg.private(name).decode() for name in ("ecc", "rsa")]
    assert reads.rows(format="text", pgp_private_key="\n".join(keys)) == [{"value": "a"}]


def test_a_file_for_another_key_names_both_and_whose_ours_is(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"a\n", "ecc")
    with pytest.raises(DecodeError) as caught:
        reads.rows(format="text")
    text = str(caught.value)
    assert "a.txt.pgp" in text
    assert f"{reads.gnupg.fingerprint('rsa')} ({owner('rsa')})" in text
    assert "Ask the sender to encrypt it for your public key" in text


def test_a_file_without_a_key_is_refused_before_any_task(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"a\n")
    with pytest.raises(OptionsError, match=r"a\.txt\.pgp is encrypted: set pgp_private_key"):
        reads.rows(pgp_private_key=None, format="text")


def test_a_text_that_ends_in_asc_is_read_as_it_is_without_a_key(reads: Reads) -> None:
    (reads.directory / "grid.asc").write_text("ncols 2\n")
    given = {"format": "text", "pgp_private_key": None}
    assert reads.rows(**given) == [{"value": "ncols 2"}]


def test_a_file_for_a_passphrase_alone_says_so(reads: Reads) -> None:
    message = reads.gnupg.encrypt_symmetric(b"a\n", "secret")
    (reads.directory / "a.txt.pgp").write_bytes(message)
    with pytest.raises(DecodeError, match="is encrypted for a passphrase alone"):
        reads.rows(format="text")


@pytest.mark.parametrize("content", [b"id,name\n1,a\n", b"-----BEGIN PGP", b"\x1f\x8b\x08"])
def test_a_file_that_is_no_message_says_so(reads: Reads, content: bytes) -> None:
    (reads.directory / "a.csv.pgp").write_bytes(content)
    with pytest.raises(DecodeError, match="is not an encrypted OpenPGP message"):
        reads.rows(format="text")


@pytest.mark.parametrize("size", [1000, HELD_BACK * 2])
@pytest.mark.parametrize("armor", [False, True])
@pytest.mark.parametrize("lacks", ["half", "end"])
def test_a_truncated_message_is_an_error(reads: Reads, size: int, armor: bool, lacks: str) -> None:
    more = ["--compress-algo", "none", *(["--armor"] if armor else [])]
    reads.put("a.txt.pgp", text(size), more=more)
    whole = (reads.directory / "a.txt.pgp").read_bytes()
    kept = len(whole) // 2 if lacks == "half" else len(whole) - 100
    (reads.directory / "a.txt.pgp").write_bytes(whole[:kept])
    counters = ReadCounters()
    # Without its last bytes, Sequoia would take a minute for the large one.
    with pytest.raises(DecodeError, match=r"it is truncated.*a\.txt\.pgp"):
        reads.batches(counters=counters, format="text")
    assert counters.files == 0


@pytest.mark.parametrize("size", [1000, HELD_BACK * 2])
def test_a_changed_byte_is_an_error_and_found_before_the_first_row_of_a_small_file(
    reads: Reads, size: int
) -> None:
    reads.put("a.txt.pgp", text(size), more=["--compress-algo", "none"])
    content = bytearray((reads.directory / "a.txt.pgp").read_bytes())
    content[-200] ^= 1
    (reads.directory / "a.txt.pgp").write_bytes(content)
    counters = ReadCounters()
    with pytest.raises(DecodeError, match="cannot be decrypted"):
        reads.batches(counters=counters, format="text")
    assert counters.files == 0
    assert bool(counters.rows) == (size > HELD_BACK)


@pytest.mark.parametrize("behind", ["message", "text", "bytes"])
def test_what_is_behind_a_message_in_armor_is_an_error(reads: Reads, behind: str) -> None:
    first, second = (
        reads.gnupg.encrypt(content, "rsa", more=["--armor"]) for content in (b"a\n", b"b\n")
    )
    follows = {"message": second, "text": b"Regards, your bank\n"}
    more = follows.get(behind) or reads.gnupg.encrypt(b"b\n", "rsa")
    path = reads.directory / "a.txt.asc"
    path.write_bytes(first + b"\r\n\n")
    assert reads.rows() == [{"value": "a"}]
    path.write_bytes(first + more)
    with pytest.raises(DecodeError, match="goes on behind the end of its message"):
        reads.rows()


@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_a_second_message_in_bytes_is_an_error(reads: Reads, size: int) -> None:
    # Sequoia reads the first one of these without an error if it is large.
    reads.put("a.txt.pgp", text(size), more=["--compress-algo", "none"])
    path = reads.directory / "a.txt.pgp"
    path.write_bytes(path.read_bytes() + reads.gnupg.encrypt(b"b\n", "rsa"))
    with pytest.raises(DecodeError, match="goes on behind the end of its message"):
        reads.rows()


def test_an_empty_file_is_no_message(reads: Reads) -> None:
    (reads.directory / "a.txt.pgp").write_bytes(b"")
    with pytest.raises(DecodeError, match=r"is not an encrypted OpenPGP message.*a\.txt\.pgp"):
        reads.rows(format="text")


def test_rows_before_damage_are_not_kept_if_they_have_to_be_signed(reads: Reads) -> None:
    content = text(HELD_BACK * 2)
    given = {"pgp_verify_key": reads.gnupg.public("ecc").decode(), "ignore_corrupt_files": True}
    path = reads.directory / "a.txt.pgp"
    reads.put(path.name, content, more=["--compress-algo", "none"])
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[-200] ^= 1
    path.write_bytes(changed)
    assert sum(map(len, reads.batches(ignore_corrupt_files=True))) > 0
    for damaged in (changed, whole[:-200]):
        path.write_bytes(damaged)
        with pytest.raises(VerificationError, match="truncated"):
            reads.batches(**given)
    path.unlink()
    # The message is whole, and its sender is unknown; what is in it is damaged.
    packed = gzip.compress(content, 0)[:-1000]
    reads.put("a.txt.gz.pgp", packed + bytes(1000), more=["--compress-algo", "none"])
    assert sum(map(len, reads.batches(ignore_corrupt_files=True))) > 0
    with pytest.raises(VerificationError, match="no valid signature"):
        reads.batches(**given)


@pytest.mark.parametrize("signer", [None, "rsa"])
@pytest.mark.parametrize("size", [1000, HELD_BACK * 2])
def test_a_file_that_the_sender_has_not_signed_is_an_error(
    reads: Reads, size: int, signer: str | None
) -> None:
    content = text(size)
    reads.put("a.txt.pgp", content, signer=signer, more=["--compress-algo", "none"])
    counters = ReadCounters()
    given = {"format": "text", "pgp_verify_key": reads.gnupg.public("ecc").decode()}
    with pytest.raises(VerificationError) as caught:
        reads.batches(counters=counters, **given)
    assert f"{reads.gnupg.fingerprint('ecc')} ({owner('ecc')})" in str(caught.value)
    assert "a.txt.pgp" in str(caught.value)
    assert counters.files == 0
    # It is no corrupt file, which could be left out.
    with pytest.raises(VerificationError):
        reads.batches(ignore_corrupt_files=True, **given)


def test_one_of_several_senders_must_have_signed(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"a\n", signer="ecc", more=["--compress-algo", "none"])
    senders = reads.gnupg.public("rsa", "ecc").decode()
    assert reads.rows(format="text", pgp_verify_key=senders) == [{"value": "a"}]


def test_a_signature_within_gnupgs_compression_cannot_be_verified_and_says_so(reads: Reads) -> None:
    reads.put("a.txt.pgp", b"a\n" * 1000, signer="ecc", more=["--compress-algo", "zip"])
    assert len(reads.rows(format="text")) == 1000
    with pytest.raises(VerificationError, match="gpg --compress-algo none"):
        reads.rows(format="text", pgp_verify_key=reads.gnupg.public("ecc").decode())


def test_damage_behind_the_content_is_found_though_no_decoder_reads_that_far(reads: Reads) -> None:
    # The content ends, for its codec, before the message does.
    made = _tar(b"1,a\n")
    reads.put("a.tar.pgp", gzip.decompress(made) + bytes(10 * HELD_BACK // 5))
    content = bytearray((reads.directory / "a.tar.pgp").read_bytes())
    content[-1] ^= 1
    (reads.directory / "a.tar.pgp").write_bytes(content)
    with pytest.raises(DecodeError, match="cannot be decrypted"):
        reads.rows()


def test_an_encrypted_member_of_an_archive_is_an_error(reads: Reads) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv.pgp", b"x")
    (reads.directory / "a.zip").write_bytes(made.getvalue())
    with pytest.raises(SFTPAsyncError, match="An encrypted file within an archive"):
        reads.rows(format="text")


def test_a_spreadsheet_is_read(reads: Reads) -> None:
    given = {"format": "excel", "pgp_public_key": reads.gnupg.public("rsa").decode()}
    write(reads.server.options(), f"{reads.directory}/a.xlsx.pgp", ["x", "y"], header=True, **given)
    assert reads.rows(header=True) == [{"line": "x"}, {"line": "y"}]
