"""No secret is shown, by options or by errors about them."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest
from pydantic import SecretStr

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.connection import connection_identity

NEEDED: dict[str, Any] = {"host": "h.example", "username": "me", "password": "pw-S3cret"}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nSENSITIVE\n-----END OPENSSH PRIVATE KEY-----\n"


def test_nothing_that_shows_options_shows_a_secret() -> None:
    options = SFTPOptions(**NEEDED, private_key=KEY, passphrase="phrase-S3cret")
    shown = repr(options) + str(options) + options.model_dump_json() + repr(options.model_dump())
    shown += options.address + connection_identity(options)
    assert "S3cret" not in shown
    assert "SENSITIVE" not in shown


def test_a_pickle_carries_the_secrets() -> None:
    options = SFTPOptions(**NEEDED)
    assert pickle.loads(pickle.dumps(options)) == options


@pytest.mark.parametrize(
    "options",
    [
        {"password": ["pw-S3cret"]},
        {"pasword": "pw-S3cret"},
        {"passphrase": {"a": "pw-S3cret"}},
        {"port": "pw-S3cret", "password": "pw-S3cret"},
        {"port": KEY.replace("\n", " ") + "pw-S3cret"},
        {"host": "me:pw-S3cret@host"},
        {"host": "sftp://me:pw-S3cret@host"},
        {"path": "sftp://me:pw-S3cret@host/x"},
        {"path": "sftp://me:22/pw-S3cret@host/x"},
        {"path": "sftp://me:pw-S3cret"},
        {"path": "ftp://me:pw-S3cret@host/x"},
        {"private_key_content": "/pw-S3cret"},
        {"private_key_path": "PRIVATE KEY pw-S3cret"},
        {"port": SecretStr("pw-S3cret")},
    ],
)
def test_no_error_shows_a_secret_even_in_the_wrong_option(options: dict[str, object]) -> None:
    with pytest.raises(OptionsError) as caught:
        SFTPOptions(**options)
    error = caught.value
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    assert "pw-S3cret" not in text
    assert error.__context__ is None  # pydantic's error would carry the input
