"""What the Databricks cells do there: stand-ins record the calls, since no workspace is at hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import asyncssh
import nbformat
import pytest

from sftp_async import SFTPConnectionTester, SFTPOptions
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.spark import REPOSITORY

pytestmark = pytest.mark.one_python

SCOPE = "partner-scope"


def dbutils(parameters: dict[str, str], secrets: dict[str, str]) -> Any:
    """Stand in for Databricks' own: widgets with a job's parameters, and one scope."""

    def only(asked: str) -> None:
        assert asked == SCOPE

    def listed(asked: str) -> list[SimpleNamespace]:
        only(asked)
        return [SimpleNamespace(key=key) for key in secrets]

    def get(asked: str, key: str) -> str:
        only(asked)
        return secrets[key]

    def text(name: str, default: str) -> None:
        parameters.setdefault(name, default)

    widgets = SimpleNamespace(text=text, get=parameters.__getitem__)
    return SimpleNamespace(widgets=widgets, secrets=SimpleNamespace(list=listed, get=get))


def run_cell(notebook: str, cell_id: str, names: dict[str, Any]) -> None:
    """Run one cell of a notebook with what stands for what came before it."""
    path = REPOSITORY / "notebooks" / f"{notebook}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    (source,) = [cell.source for cell in cells if cell.id == cell_id]
    exec(compile(source, f"{notebook}, cell {cell_id}", "exec"), names)


@pytest.fixture
def secrets(tmp_path: Path) -> Any:
    """What leads to a server that knows the user by key, and a secret that is none of ours."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode()
    with EmbeddedServer(tmp_path, username="partner", authorized_keys=[public]) as server:
        yield {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "private_key_content": key.export_private_key().decode(),
            "host_key_fingerprint": server.fingerprint,
            "of-another-team": "12345",
        }


def test_the_secrets_of_a_scope_open_the_connection_and_none_is_shown(
    secrets: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    spark = MagicMock()
    names = {
        "DATABRICKS": True,
        "SFTPConnectionTester": SFTPConnectionTester,
        "SFTPOptions": SFTPOptions,
        "dbutils": dbutils({"secret_scope": SCOPE, "connection": "partner"}, secrets),
        "spark": spark,
    }
    run_cell("02_connections_and_secrets", "databricks", names)
    printed = capsys.readouterr().out
    assert f"SFTP check of partner@127.0.0.1:{secrets['port']}, path .: ok" in printed

    run_cell("02_connections_and_secrets", "unity", names)
    ((statement,), _) = spark.sql.call_args
    assert "CREATE CONNECTION IF NOT EXISTS partner TYPE sftp" in statement
    assert f"pem_private_key secret('{SCOPE}', 'private_key_content')" in statement
    assert f"key_fingerprint '{secrets['host_key_fingerprint']}'" in statement
    for text in (printed, capsys.readouterr().out, statement):
        assert "PRIVATE KEY-----" not in text


def test_auto_loader_reads_what_the_stream_writes_back(secrets: dict[str, str]) -> None:
    spark = MagicMock()
    chain = spark.readStream.format.return_value
    chain.option.return_value = chain
    sink = chain.load.return_value.writeStream.format.return_value
    parameters = {"inbox": "/in", "outbox": "/out", "state": "/Volumes/a/b/c"}
    names = {
        "DATABRICKS": True,
        "SFTPOptions": SFTPOptions,
        "dbutils": dbutils({"secret_scope": SCOPE, **parameters}, secrets),
        "spark": spark,
    }
    run_cell("03_batch_and_streaming", "databricks", names)
    spark.readStream.format.assert_called_once_with("cloudFiles")
    chain.load.assert_called_once_with(f"sftp://partner@127.0.0.1:{secrets['port']}/in")
    chain.load.return_value.writeStream.format.assert_called_once_with("sftp")
    written = SFTPOptions(**sink.options.call_args.kwargs)
    assert written.private_key_content is not None
    assert (written.host, written.format, written.header) == (secrets["host"], "csv", True)
    sink.options.return_value.option.assert_called_once_with(
        "checkpointLocation", "/Volumes/a/b/c/checkpoint"
    )


@pytest.mark.parametrize(
    ("notebook", "cell", "missing"),
    [
        ("02_connections_and_secrets", "databricks", "secret_scope is not set."),
        ("02_connections_and_secrets", "unity", "secret_scope or connection is not set."),
        ("03_batch_and_streaming", "databricks", "Not set: inbox, outbox, state."),
    ],
)
def test_databricks_reports_which_parameter_is_missing_and_nothing_is_touched(
    notebook: str, cell: str, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scope = "" if "secret_scope" in missing else SCOPE
    names = {
        "DATABRICKS": True,
        "SCOPE": scope,
        "SFTPOptions": SFTPOptions,
        "by_password": SFTPOptions(
            host="sftp.example.com",
            username="partner",
            password="env:SFTP_PASSWORD",
            host_key_fingerprint="SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
        ),
        "dbutils": dbutils({"secret_scope": scope}, {}),
        "spark": None,
    }
    run_cell(notebook, cell, names)
    assert capsys.readouterr().out.startswith(missing)
