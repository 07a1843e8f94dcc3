"""The documents' examples, run as they stand but for the server's name, key and credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sftp_async.server import EmbeddedServer
from tests.support.documents import Example, examples
from tests.support.keys import KeySet

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What stands for the reader's own server in the documents.
USER = "partner"
HOST = re.compile(
    r'(?P<keyword>host=)"sftp\.example\.com"|(?P<option>\.option\("host", )"sftp\.example\.com"\)'
)
FINGERPRINT = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
PASSWORD = "env:SFTP_PASSWORD"
KEY_FILE = "~/.ssh/id_ed25519"
CHECKPOINTS = "/checkpoints"


@pytest.fixture
def partner(tmp_path: Path, user_keys: KeySet) -> Iterator[EmbeddedServer]:
    """The server of the documents: it knows the user by password and by key."""
    server = EmbeddedServer(
        tmp_path / "served",
        username=USER,
        password="documented",
        authorized_keys=[user_keys.public("ed25519")],
    )
    with server:
        yield server


def for_server(code: str, server: EmbeddedServer, keys: KeySet, directory: Path) -> str:
    """Put a real server into an example.

    The port is named, and the key that a reader's own known_hosts file would vouch for. References
    to the environment become references to a file: Spark's driver started long before this test.
    """
    assert server.password is not None
    password = directory / "password"
    password.write_text(server.password)

    def here(match: re.Match[str]) -> str:
        host, port, known = repr(server.host), server.port, repr(server.host_key)
        if match["keyword"]:
            return f"host={host}, port={port}, known_hosts={known}"
        options = {"host": host, "port": port, "known_hosts": known}
        return "".join(f'.option("{name}", {value})' for name, value in options.items())

    code = HOST.sub(here, code)
    assert "example.com" not in code, "an example names its server in a way that is not known here"
    return (
        code.replace(FINGERPRINT, server.fingerprint)
        .replace(PASSWORD, f"file:{password}")
        .replace(KEY_FILE, str(keys.path("ed25519")))
        .replace(CHECKPOINTS, str(directory))
    )


@pytest.mark.parametrize("example", [e for e in examples() if e.needs_spark], ids=str)
def test_write_examples_write(
    example: Example,
    spark: SparkSession,
    partner: EmbeddedServer,
    user_keys: KeySet,
    tmp_path: Path,
) -> None:
    code = for_server(example.code, partner, user_keys, tmp_path)
    df = spark.range(100).selectExpr("id", "concat('order ', id) AS name")
    exec(example.compile(code), {"spark": spark, "df": df})  # type: ignore[call-overload]
    targets = re.findall(r'\.(?:save\(|start\(|option\("path", )"([^"]+)"', code)
    assert targets
    for target in targets:
        written = partner.root / target.lstrip("/")
        files = [written] if written.is_file() else list(written.rglob("part-*"))
        assert files
        assert all(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    "example", [e for e in examples() if e.needs_server and not e.needs_spark], ids=str
)
def test_examples_that_talk_to_a_server_run(
    example: Example, partner: EmbeddedServer, user_keys: KeySet, tmp_path: Path
) -> None:
    code = for_server(example.code, partner, user_keys, tmp_path)
    logins = partner.logins
    exec(example.compile(code), {})  # type: ignore[call-overload]
    assert partner.logins > logins
