"""A secret that Spark may show in a plan is warned of, once it is given."""

from __future__ import annotations

import warnings

import pytest

from sftp_async.errors import SFTPAsyncWarning
from sftp_async.spark import plain_secrets
from sftp_async.spark.plain_secrets import warn_of_plain_secrets

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nSENSITIVE\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "options",
    [
        {"private_key_content": KEY},
        {"privatekey": KEY},
        {"pem_passphrase": "SENSITIVE"},
        {"pass": "SENSITIVE"},
        {"proxy_jump_private_key_passphrase": "SENSITIVE"},
    ],
)
def test_a_secret_under_a_name_that_spark_does_not_redact_is_warned_of(
    options: dict[str, str],
) -> None:
    with pytest.warns(SFTPAsyncWarning, match="given in plain text. From SQL") as caught:
        warn_of_plain_secrets({"host": "h", **options})
    (warning,) = caught
    assert str(warning.message).startswith(next(iter(options)))
    assert "SENSITIVE" not in str(warning.message)


@pytest.mark.parametrize(
    "options",
    [
        {"password": "redacted"},
        {"proxy_jump_password": "redacted"},
        {"private_key_content": "env:KEY"},
        {"private_key": "~/.ssh/id"},
        {"passphrase": "file:/run/secrets/it"},
        {"passphrase": " "},
        {"tempLocation": "/tmp", "no_such_option": "x"},
    ],
)
def test_what_spark_redacts_and_references_are_not_warned_of(options: dict[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_plain_secrets(options)


def test_on_a_server_for_several_users_every_secret_is_warned_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plain_secrets, "spark_server", lambda: "Thrift server")
    with pytest.warns(SFTPAsyncWarning, match="^password: given in plain text"):
        warn_of_plain_secrets({"password": "SENSITIVE"})
