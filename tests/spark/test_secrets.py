"""No secret is in anything that Spark or this package keeps, whatever a user does with it."""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, quote_plus

import asyncssh
import pyarrow as pa
import pytest

from sftp_async.errors import SFTPAsyncError
from sftp_async.options import SFTPOptions
from sftp_async.spark.batch_writer import PartsWritten
from sftp_async.spark.stream_writer import BatchPartsWritten
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part
from tests.support.keys import KeySet
from tests.support.spark import REPOSITORY, require_java
from tests.support.sshd import SSHD

#: For some twenty uses, each with Python processes of its own on the driver.
SECONDS = 560


def encodings(secret: bytes) -> Iterator[bytes]:
    """Yield a secret in every form in which it may stand in a file."""
    text = secret.decode("latin-1")
    yield secret
    yield secret.hex().encode()
    yield quote(secret).encode()
    yield quote_plus(secret).encode()
    yield json.dumps(text)[1:-1].encode()
    for offset, skipped in enumerate((0, 2, 3)):
        # Within something longer: the bits of its neighbours are in the first and last characters.
        whole = base64.b64encode(bytes(offset) + secret).rstrip(b"=")
        core = whole[skipped : len(whole) - bool((offset + len(secret)) % 3)]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


class Secrets:
    """Marked secrets, and the search for them."""

    def __init__(self) -> None:
        self._wanted: dict[bytes, str] = {}

    def mark(self, name: str) -> str:
        """Make a secret that needs quoting almost everywhere; its core needs it nowhere."""
        core = uuid.uuid4().hex
        secret = f'm4rked "{core}" & co/'
        self.add(name, secret.encode())
        self.add(name, core.encode())
        return secret

    def add(self, name: str, secret: bytes) -> None:
        assert len(secret) >= 16
        self._wanted |= dict.fromkeys(encodings(secret), name)

    def add_key(self, name: str, text: str) -> None:
        """Look for the lines of a key, other than the first: it names the format."""
        for line in text.splitlines()[2:-1]:
            if len(line) >= 16:
                self.add(name, line.encode())

    def within(self, data: bytes) -> set[str]:
        return {name for wanted, name in self._wanted.items() if wanted in data}

    def below(self, *places: Path) -> list[str]:
        """Return where they are found: in names and contents of files, links not followed."""
        return [
            f"{name} in {path}"
            for path in files(places)
            for name in self.within(os.fsencode(path) + b"\n" + path.read_bytes())
        ]


def files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        for path in [place, *place.rglob("*")]:
            if path.is_file() and not path.is_symlink():
                yield path


@pytest.mark.parametrize("secret", [b"m4rked & co \xc3\xa9 0123456789", bytes(range(33))])
@pytest.mark.parametrize("offset", range(4))
def test_the_search_finds_every_form_of_a_secret(
    tmp_path: Path, secret: bytes, offset: int
) -> None:
    secrets = Secrets()
    secrets.add("it", secret)
    longer = b"before"[:offset] + secret + b"after"
    for number, form in enumerate(
        (
            longer,
            base64.b64encode(longer),
            base64.urlsafe_b64encode(longer),
            quote(longer).encode(),
            longer.hex().encode(),
            pickle.dumps({"a": longer}),
        )
    ):
        assert secrets.within(b"x" * number + form) == {"it"}
        (tmp_path / f".{number}").write_bytes(form)
    assert len(secrets.below(tmp_path)) == 6
    assert secrets.within(secret[:-1]) == set()


class FailsToWrite(FolderServer):
    """Takes no data of files below `broken`."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if b"broken" in os.fsencode(cast("Any", file_obj).name):
            raise asyncssh.SFTPFailure("it is on fire")
        return super().write(file_obj, offset, data)


#: What the probe does wrong on purpose, and a word of the error that says so.
FAILURES = {
    "failing query": "no such row",
    "failing task": "on fire",
    "failing commit": "A directory has the name",
    "wrong password": "AuthenticationError",
    "wrong passphrase": "does not open the private key",
    "broken key": "not a private key",
    "misspelled": "did you mean password",
    "misplaced": "port must be a whole number",
    "url as path": "contains a password",
    "unknown host key": "HostKeyError",
    "failing stream": "complete and visible",
}
SUCCESSES = {
    *("append", "overwrite", "job_key", "job_key again", "password", "references"),
    *("stream", "create view", "insert into", "insert overwrite"),
}


@pytest.mark.spark
@pytest.mark.one_python
@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.filterwarnings(r"ignore:.*bcrypt\.kdf\(\) called with only")
def test_marked_secrets_are_in_no_log_plan_error_or_file(
    sshd: SSHD, remote_dir: Path, tmp_path: Path, user_keys: KeySet
) -> None:
    require_java()
    secrets = Secrets()
    passphrase = secrets.mark("passphrase")
    key = asyncssh.read_private_key(user_keys.path("ed25519"))
    seed = key.pyca_key.private_bytes_raw()  # type: ignore[attr-defined] # an ed25519 key
    secrets.add("private key", seed)
    # Each process that logs in decrypts it, which takes a second for the usual 128 rounds.
    key_text = key.export_private_key("openssh", passphrase=passphrase, rounds=1).decode()
    secrets.add_key("private key", key_text)
    broken_key = key_text.replace(key_text.splitlines()[3], secrets.mark("broken key"))
    with_key = sshd.options() | {
        "private_key_content": key_text,
        "private_key_passphrase": passphrase,
        "password": secrets.mark("spare password"),
    }
    probe, planted = tmp_path / "probe", Secrets()
    for directory in (probe, remote_dir / "unfinished" / "_SUCCESS"):
        directory.mkdir(parents=True)
    (tmp_path / "passphrase").write_text(f"{passphrase}\n")
    environment = {
        "MARKED_KEY": key_text,
        "MARKED_PASSWORD": secrets.mark("password of the environment"),
    }
    with EmbeddedServer(
        tmp_path / "served", password=secrets.mark("password"), sftp_factory=FailsToWrite
    ) as server:
        asked = {
            "directory": str(probe),
            "target": str(remote_dir),
            "key": with_key,
            "password": server.options() | {"max_retries": "0"},
            "wrong": {"password": secrets.mark("wrong password"), "key": broken_key},
            "planted": planted.mark("planted"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.spark.secret_probe"],
            input=json.dumps(asked),
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert server.logins
    assert done.returncode == 0, done.stderr[-4000:]
    driver_log = probe / "driver.log"
    driver_log.write_text(done.stderr + done.stdout)

    outcomes: dict[str, str] = json.loads(done.stdout)
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == SUCCESSES
    assert outcomes.keys() - SUCCESSES == FAILURES.keys()
    for name, words in FAILURES.items():
        assert words in outcomes[name], name

    events, executors, logged = probe / "events", probe / "executors", probe / "logged"
    places = [driver_log, events, executors, logged, probe / "checkpoint", remote_dir]
    places.append(tmp_path / "served")
    # What interrupted jobs leave is there to be searched: the stream's intent, markers, files.
    left = [path.name.split(".", 1)[-1] for path in files([remote_dir])]
    assert len([name for name in left if name in ("intent.json", "visible.json")]) == 1
    assert {"committed", "csv"} < set(left)
    for place in (logged, probe / "checkpoint", remote_dir, tmp_path / "served"):
        (place / ".planted").write_text(asked["planted"])
    for place in places:
        assert planted.below(place), f"the search would not find anything in {place}"
    if (logged / "worker logs").exists():
        assert "wrote 2 files" in (logged / "worker logs").read_text()
    assert "AppendData" in (logged / "explain").read_text()
    assert [path for path in files([logged]) if path.name in FAILURES]

    assert secrets.below(*places) == []


def test_a_job_without_spark_says_no_secret_at_any_log_level(
    embedded_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = Secrets()
    assert embedded_server.password is not None
    secrets.add("password", embedded_server.password.encode())
    caplog.set_level(logging.DEBUG)
    schema = pa.schema([("n", pa.int64())])
    given = SFTPOptions(**embedded_server.options(), path="out", retry_delay=0.0)
    job = plan_job(given, schema, overwrite=True).prepare()
    parts = write_part(job, 0, [pa.record_batch([pa.array([1])], schema=schema)])
    messages = [PartsWritten(0, parts), BatchPartsWritten(0, parts, job.layout.job_id, "q", 7)]
    job.commit(parts)

    wrong = given.model_copy(update={"password": secrets.mark("wrong password")})
    with pytest.raises(SFTPAsyncError) as caught:
        plan_job(wrong, schema, overwrite=False).prepare()
    errors = [caught.value, caught.value.__cause__, caught.value.__context__]
    for kept in (*messages, *errors):
        assert secrets.within(pickle.dumps(kept)) == set()
        assert secrets.within(f"{kept} {kept!r} {vars(kept) if kept else ''}".encode()) == set()
    assert secrets.within(f"{job} {job!r} {given!r}".encode()) == set()
    assert "asyncssh" in {record.name for record in caplog.records}
    assert secrets.within(caplog.text.encode()) == set()
    assert secrets.below(embedded_server.root) == []
    # What goes to the executors has to hold it, and shows that the search looks into pickles.
    assert secrets.within(pickle.dumps(job)) == {"password"}
