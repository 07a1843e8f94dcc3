"""The JSON Schema of the options: valid, complete, and of one mind with the options."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import aliases_of
from sftp_async.options.json_schema import options_schema

SCHEMA = options_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
SECRETS = {
    "password",
    "private_key_content",
    "private_key_passphrase",
    "proxy_jump_password",
    "proxy_jump_private_key_content",
    "proxy_jump_private_key_passphrase",
    "proxy_password",
    "pgp_sign_key",
    "pgp_private_key",
    "pgp_passphrase",
    "archive_password",
}


def test_the_schema_is_valid_and_has_every_documented_name() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    names = {name for option in SFTPOptions.model_fields for name in (option, *aliases_of(option))}
    assert SCHEMA["properties"].keys() == names


def test_secrets_are_for_writing_alone_under_each_of_their_names() -> None:
    names = {name for option in SECRETS for name in (option, *aliases_of(option))}
    marked = {name for name, schema in SCHEMA["properties"].items() if schema.get("writeOnly")}
    assert marked == names


@pytest.mark.parametrize("name", SFTPOptions.model_fields)
def test_examples_and_defaults_are_valid(name: str) -> None:
    schema = SCHEMA["properties"][name]
    assert schema["description"]
    for value in [*schema["examples"], *([schema["default"]] if "default" in schema else [])]:
        VALIDATOR.validate({name: value})


@pytest.mark.parametrize(
    "options",
    [
        {"host": "h", "user": "me", "password": "env:PW", "port": 2222},
        {"port": "2222", "header": True, "chunk_size": "8 MiB", "stall_timeout": 1.5},
        {"channels_per_file": 4, "split": False, "partition_by": ["a", "b"]},
        {"mode": "FAILFAST", "format": "avro", "modified_time": "2026-11-23T00:00:00Z"},
        {"strict_host_key_checking": "TRUE"},
    ],
)
def test_right_options_are_valid(options: dict[str, Any]) -> None:
    VALIDATOR.validate(options)
    needed = {"host": "h", "username": "me", "password": "env:PW"}
    SFTPOptions(**({} if "user" in options else needed) | options)


def test_the_format_may_be_one_of_a_plug_in() -> None:
    VALIDATOR.validate({"format": "my_format"})


@pytest.mark.parametrize(
    "options",
    [
        {"hots": "h"},
        {"port": [1]},
        {"port": "ssh"},
        {"chunk_size": "8 parsecs"},
        {"connect_timeout": "soon"},
        {"commit_mode": "renme"},
        {"header": "yes"},
        {"channels_per_file": "many"},
        {"password": 7},
    ],
)
def test_wrong_options_are_not(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VALIDATOR.validate(options)
