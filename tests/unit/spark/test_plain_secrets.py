"""A secret that Spark may show in a plan is warned of, once it is given."""

from __future__ import annotations

import pytest

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
    options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_plain_secrets({"host": "h", **options})
    (warning,) = caplog.messages
    assert warning.startswith(f"{next(iter(options))}: given in plain text. From SQL")
    assert "SENSITIVE" not in warning


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
def test_what_spark_redacts_and_references_are_not_warned_of(
    options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_plain_secrets(options)
    assert caplog.messages == []


def test_on_a_server_for_several_users_every_secret_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plain_secrets, "spark_server", lambda: "Thrift server")
    warn_of_plain_secrets({"password": "SENSITIVE"})
    (warning,) = caplog.messages
    assert warning.startswith("password: given in plain text")
