"""Options from Python and from Spark's map: names, rules, errors and secrets."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from pydantic import SecretStr

from sftp_async.errors import OptionsError, SFTPAsyncWarning
from sftp_async.options import (
    ConnectionOptions,
    FormatOptions,
    SFTPOptions,
    TransferOptions,
    WriteOptions,
)
from sftp_async.options.aliases import ALIASES, CONVERTED
from sftp_async.options.connection import connection_identity

NEEDED: dict[str, Any] = {"host": "h.example", "username": "me", "password": "pw-S3cret"}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nSENSITIVE\n-----END OPENSSH PRIVATE KEY-----\n"


def problems(**options: Any) -> list[str]:
    """Build options that must be wrong, and return the sentences."""
    with pytest.raises(OptionsError) as caught:
        SFTPOptions(**options)
    return caught.value.problems


def the_problem(**options: Any) -> str:
    """Build options with exactly one mistake, and return its sentence."""
    found = problems(**(NEEDED | options))
    assert len(found) == 1, found
    return found[0]


def test_the_defaults_are_those_of_the_documentation() -> None:
    options = SFTPOptions(**NEEDED)
    assert (options.port, options.host_key_policy, options.format) == (22, "strict", "csv")
    assert (options.chunk_size, options.max_buffer_bytes) == (1020 * 1024, 32 * 1024**2)
    assert (options.single_file, options.commit_mode, options.staging_ttl) == (
        None,
        "rename",
        604800,
    )


def test_each_group_of_options_stands_alone() -> None:
    assert FormatOptions(format="json").format == "json"
    assert TransferOptions(chunk_size=10).chunk_size == 10
    assert WriteOptions(path="/out").path == "/out"
    assert ConnectionOptions(**NEEDED).username == "me"
    with pytest.raises(OptionsError, match="'path' is not an option"):
        ConnectionOptions(**NEEDED, path="/out")


def test_options_are_immutable_and_the_error_shows_no_secret() -> None:
    with pytest.raises(OptionsError, match="immutable") as caught:
        SFTPOptions(**NEEDED).password = "new-S3cret"
    assert "S3cret" not in str(caught.value)


def test_a_copy_with_changes_is_checked_like_new_options() -> None:
    options = SFTPOptions(**NEEDED, sep=r"\\", known_hosts="/x", line_sep="\r\n", quote="")
    assert options.model_copy() == options
    changed = options.model_copy(update={"password": "new-S3cret", "known_hosts": None})
    assert changed.password == SecretStr("new-S3cret")
    assert changed.known_hosts is None
    with pytest.raises(OptionsError, match="port must be a whole number"):
        options.model_copy(update={"port": "x"})


def test_what_was_given_stays_known_as_given_even_if_it_equals_a_default() -> None:
    options = SFTPOptions(**NEEDED, format="csv", port=None)
    for same in (options, options.model_copy(), SFTPOptions.from_spark(options.to_spark())):
        assert same.model_fields_set == {*NEEDED, "format"}


# --- names


@pytest.mark.parametrize(
    "name", ["max_file_bytes", "maxFileBytes", "maxfilebytes", "MAX-FILE-BYTES"]
)
def test_names_are_compared_without_case_underscores_and_dashes(name: str) -> None:
    assert SFTPOptions(**NEEDED, **{name: "1k"}).max_file_bytes == 1024


SAMPLES = {
    "host": "other.example",
    "schema_evolution": "fail",
    "username": "you",
    "password": "x",
    "private_key_content": KEY,
    "private_key_path": "/keys/id",
    "private_key_passphrase": "x",
    "known_hosts": "/keys/known_hosts",
    "host_key_fingerprint": "SHA256:" + "a" * 43,
    "proxy_jump": "bastion.example",
    "connect_timeout": "5",
    "max_connections": "9",
    "channels_per_file": "4",
    "format": "json",
    "compression": "gzip",
    "sep": ";",
    "encoding": "windows-1252",
    "path": "/out",
    "single_file": "true",
    "partition_by": "day",
    "create_dirs": "false",
    "write_empty": "false",
    "staging_dir": "/stage",
}


@pytest.mark.parametrize(
    ("option", "alias"), [(o, a) for o, names in ALIASES.items() for a in names]
)
def test_every_alias_sets_its_option(option: str, alias: str) -> None:
    given = NEEDED | {"proxy_jump_password": "x"}
    needed = {name: value for name, value in given.items() if name != option}
    assert SFTPOptions(**needed, **{alias: SAMPLES[option]}) == SFTPOptions(
        **needed, **{option: SAMPLES[option]}
    )


def test_no_spelling_means_two_things() -> None:
    names = [
        *SFTPOptions.model_fields,
        *CONVERTED,
        *(a for names in ALIASES.values() for a in names),
    ]
    comparable = [name.replace("_", "").lower() for name in names]
    assert len(comparable) == len(set(comparable))


@pytest.mark.parametrize(
    ("name", "value", "policy"),
    [
        ("strict_host_key_checking", "true", "strict"),
        ("StrictHostKeyChecking", "false", "insecure"),
        ("skip_host_key_validation", "true", "insecure"),
        ("skip_host_key_validation", "false", "strict"),
        ("no_host_key_check", "True", "insecure"),
    ],
)
def test_names_with_the_opposite_meaning_invert_the_value(
    name: str, value: str, policy: str
) -> None:
    assert SFTPOptions(**NEEDED, **{name: value}).host_key_policy == policy


def test_use_temp_file_rename_chooses_the_commit_mode() -> None:
    assert SFTPOptions(**NEEDED, use_temp_file_rename=False).commit_mode == "direct"


@pytest.mark.parametrize(
    "text", [KEY, KEY.replace("\n", "\\n"), KEY.replace("\n", " "), "env:KEY", "file:/run/key"]
)
def test_private_key_is_content_when_it_looks_like_a_key_or_a_reference(text: str) -> None:
    options = SFTPOptions(host="h", username="u", private_key=text)
    assert options.private_key_content == SecretStr(text)
    assert options.private_key_path is None


def test_private_key_is_a_path_otherwise() -> None:
    assert (
        SFTPOptions(host="h", username="u", private_key="~/.ssh/id").private_key_path == "~/.ssh/id"
    )


def test_two_spellings_with_the_same_value_are_accepted() -> None:
    options = SFTPOptions(**NEEDED, max_file_bytes="8MiB", maxFileBytes=8388608, user="me")
    assert options.max_file_bytes == 8388608


def test_two_spellings_with_different_values_are_an_error_that_names_both() -> None:
    found = the_problem(timeout="5", connection_timeout="6")
    assert found.startswith("connect_timeout is given twice with different values: ")
    assert found.endswith("by timeout and by connection_timeout.")


def test_the_former_name_of_channels_per_file_is_accepted_and_a_contradiction_names_both() -> None:
    former = "lanes"
    assert SFTPOptions(**NEEDED, **{former: "4"}, channels_per_file=4).channels_per_file == 4
    found = the_problem(**{former: "4"}, channels_per_file="auto")
    assert found.startswith("channels_per_file is given twice with different values: ")
    assert found.endswith(f"by {former} and by channels_per_file.")


def test_a_policy_that_contradicts_its_alias_names_both() -> None:
    found = the_problem(host_key_policy="strict", skip_host_key_validation="true")
    assert "host_key_policy" in found
    assert "skip_host_key_validation" in found


def test_two_different_passwords_are_named_without_being_shown() -> None:
    found = the_problem(password="alpha-secret", **{"pass": "beta-secret"})
    assert found == "password is given twice with different values: by password and by pass."


@pytest.mark.parametrize(
    ("name", "meant"),
    [("pasword", "password"), ("hostnme", "hostname"), ("chunksiz", "chunk_size")],
)
def test_an_unknown_name_is_an_error_with_a_suggestion(name: str, meant: str) -> None:
    assert the_problem(**{name: "x"}) == f"{name!r} is not an option; did you mean {meant}?"


def test_an_unknown_name_far_from_all_others_gets_no_suggestion() -> None:
    assert the_problem(zzzzqq="x") == "'zzzzqq' is not an option."


@pytest.mark.parametrize(
    "name", ["tempLocation", "hdfstemplocation", "dfsTempPath", "localTempPath", "createDF"]
)
def test_names_of_other_sources_without_use_here_only_warn(name: str) -> None:
    with pytest.warns(SFTPAsyncWarning, match=f"No effect: {name}"):
        assert SFTPOptions(**NEEDED, **{name: "/tmp/x"}) == SFTPOptions(**NEEDED)


def test_options_that_spark_adds_are_ignored() -> None:
    assert SFTPOptions.from_spark(
        {**NEEDED, "paths": "[]", "checkpointlocation": "/c"}
    ) == SFTPOptions(**NEEDED)


def test_blank_values_count_as_not_given() -> None:
    options = SFTPOptions(
        **NEEDED, path="", compression=" ", private_key="", port=None, passphrase=""
    )
    assert options == SFTPOptions(**NEEDED)


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_key_or_password_of_files_is_an_error_rather_than_no_protection(blank: str) -> None:
    public = {"pgp_public_key": [blank], "pgp_verify_key": blank}
    secret = {"pgp_sign_key": SecretStr(blank), "archive_password": blank}
    for name, value in (public | secret).items():
        assert the_problem(**{name: value}).startswith(f"{name} is blank: set it, or leave it out")


def test_blank_text_is_kept_where_it_has_a_meaning() -> None:
    options = SFTPOptions(**NEEDED, empty_value="", quote="", null_value=" ")
    assert (options.empty_value, options.quote, options.null_value) == ("", "", " ")


# --- rules


def test_all_mistakes_are_in_one_error() -> None:
    found = problems(
        port="abc",
        chunk_size="1g",
        colour="red",
        header="perhaps",
        format="csv",
        compression="brotli",
        row_tag="<row>",
    )
    assert found == [
        "'colour' is not an option.",
        "host is missing, for example host=sftp.example.com.",
        "port must be a whole number, not 'abc'.",
        "username is missing, for example username=partner.",
        "header must be true or false, not 'perhaps'.",
        "No credentials are given: set password, private_key_path or private_key_content.",
        "chunk_size (1073741824) must not exceed max_buffer_bytes (33554432).",
        "row_tag must be the name of an XML element.",
        "compression=brotli is for parquet; csv has none, gzip, zstd, bzip2, xz.",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"port": "0"}, "port must be from 1 to 65535, not '0'."),
        ({"port": 65536}, "port must be from 1 to 65535, not '65536'."),
        ({"max_connections": 0}, "max_connections must be at least 1, not '0'."),
        ({"max_file_bytes": -1}, "max_file_bytes must not be negative, not '-1'."),
        ({"timeout": "0"}, "connect_timeout (from timeout) must be greater than zero, not '0'."),
        ({"retry_delay": -1}, "retry_delay must not be negative, not '-1'."),
        (
            {"format": "a b"},
            "format must be the name of a format, such as csv or parquet, not 'a b'.",
        ),
        (
            {"format": "avro", "compression": "brotli"},
            "compression=brotli is for parquet; avro has none, zstd, bzip2, xz, snappy, deflate.",
        ),
        (
            {"format": "avro", "compression": "zlib"},
            "compression=zlib is for orc; avro has none, zstd, bzip2, xz, snappy, deflate.",
        ),
        (
            {"format": "csv", "compression": "bzip2", "compression_level": "10"},
            "compression_level must be from 1 to 9 for compression=bzip2 in csv, not 10.",
        ),
        (
            {"format": "parquet", "compression": "snappy", "compression_level": 1},
            (
                "compression_level is set, but parquet's compression=snappy has no levels; "
                "gzip, zstd, brotli have."
            ),
        ),
        (
            {"format": "orc", "compression": "zstd", "compression_level": 1},
            "compression_level is set, but orc's compression=zstd has no levels.",
        ),
        (
            {"root_tag": "rows version"},
            'root_tag must be the name of an XML element; attributes may follow: a b="c".',
        ),
        (
            {"array_element_name": "ns:item"},
            "array_element_name must be the name of an XML element, without a colon.",
        ),
        (
            {"attribute_prefix": "@", "value_tag": "@"},
            "attribute_prefix and value_tag must not be the same.",
        ),
        ({"value_tag": ""}, "value_tag must not be empty."),
        (
            {"declaration": "<?xml?>"},
            "declaration must be the text between <?xml and ?>, without these.",
        ),
        ({"indent": "--"}, "indent must be white space."),
        ({"strict_host_key_checking": "maybe"}, "strict_host_key_checking must be true or false."),
        ({"sep": ""}, "sep must not be empty."),
        ({"sep": '"'}, "sep and quote must not share a character."),
        ({"quote": "ab"}, "quote must be one character, or empty, not 'ab'."),
        ({"line_sep": "abc"}, "line_sep must be one or two characters for csv."),
        ({"path": "/a\nb"}, "path must not contain a NUL character or a line break."),
        ({"password": 12345}, "password must be text."),
        (
            {"username": "a\nb"},
            "username must not contain control characters such as a line break.",
        ),
    ],
)
def test_each_mistake_is_one_sentence_with_option_and_rule(
    options: dict[str, object], sentence: str
) -> None:
    assert the_problem(**options) == sentence


def test_a_key_and_a_password_together_are_allowed() -> None:
    SFTPOptions(**NEEDED, private_key_path="/k")


def test_a_key_by_content_and_by_path_is_an_error() -> None:
    assert "both given" in the_problem(private_key_path="/k", private_key_content=KEY)


def test_a_key_given_as_a_path_is_refused_without_being_shown() -> None:
    found = the_problem(private_key_path=KEY)
    assert "private_key_content" in found
    assert "SENSITIVE" not in found


@pytest.mark.parametrize("path", ["/keys/id_rsa", "~/.ssh/id", "id.pem"])
def test_a_path_given_as_a_key_is_refused_with_the_name_of_the_other_option(path: str) -> None:
    assert "private_key_path" in the_problem(private_key_content=path)


def test_parquet_has_codecs_of_its_own() -> None:
    assert SFTPOptions(**NEEDED, format="Parquet", codec="SNAPPY").compression == "snappy"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *(("uncompressed", "none"), ("gz", "gzip"), ("zst", "zstd"), ("bz2", "bzip2")),
        ("LZ4_RAW", "lz4"),
    ],
)
def test_codecs_have_short_names(text: str, codec: str) -> None:
    assert FormatOptions(compression=text).compression == codec


# --- from other sources


@pytest.mark.parametrize("data", [{"port": "x"}, [1], "text"])
def test_model_validate_raises_options_error(data: object) -> None:
    with pytest.raises(OptionsError):
        SFTPOptions.model_validate(data)


def test_model_validate_takes_mappings_and_instances() -> None:
    options = SFTPOptions.model_validate(NEEDED)
    assert SFTPOptions.model_validate(options) is options


@pytest.mark.parametrize(
    "data", ["{", "[]", '{"host": 1}', '{"password": "pw-S3cret", "port": []}']
)
def test_model_validate_json_raises_options_error_without_the_text(data: str) -> None:
    with pytest.raises(OptionsError) as caught:
        SFTPOptions.model_validate_json(data)
    assert "pw-S3cret" not in "".join(traceback.format_exception(caught.value))


def test_options_may_come_from_json() -> None:
    assert SFTPOptions.model_validate_json(json.dumps(NEEDED)) == SFTPOptions(**NEEDED)


# --- what the models tell others


@pytest.mark.parametrize(
    ("host", "address"),
    [("h.example", "me@h.example:2222"), ("::1", "me@[::1]:2222"), ("[::1]", "me@[::1]:2222")],
)
def test_the_address_is_written_for_messages(host: str, address: str) -> None:
    assert SFTPOptions(**(NEEDED | {"host": host}), port=2222).address == address


@pytest.mark.parametrize(
    "change",
    [
        {"password": "other"},
        {"private_key_content": KEY},
        {"private_key_passphrase": "x"},
        {"username": "you"},
        {"host": "other"},
        {"port": 23},
        {"host_key_policy": "insecure"},
        {"host_key_fingerprint": "SHA256:" + "a" * 43},
        {"known_hosts": "/x"},
        {"ciphers": "aes128-ctr"},
        {"stall_timeout": 1},
    ],
)
def test_the_connection_identity_changes_with_every_connection_option(
    change: dict[str, Any],
) -> None:
    one, other = SFTPOptions(**NEEDED), SFTPOptions(**(NEEDED | change))
    assert connection_identity(one) != connection_identity(other)


def test_the_connection_identity_depends_on_nothing_else() -> None:
    one = connection_identity(SFTPOptions(**NEEDED))
    assert one == connection_identity(SFTPOptions(**NEEDED, path="/x", format="json"))
    assert one == connection_identity(ConnectionOptions(**NEEDED))
    assert len(bytes.fromhex(one)) == 32
