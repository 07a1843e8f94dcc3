"""Options to and from Spark's string map, and from URLs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions

NEEDED: dict[str, Any] = {"host": "h.example", "username": "me", "password": "pw"}

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
SECRETS = st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)
SIZES = st.integers(1, 2**60)
SECONDS = st.floats(min_value=1e-6, max_value=1e12)
CIPHERS = st.lists(st.sampled_from(["aes128-ctr", "aes256-gcm@openssh.com"]), unique=True)
KEYS = st.lists(
    st.sampled_from(["SHA256:" + "a" * 43, "SHA256:" + "b" * 43, "ssh-ed25519 AAAAC3Nz"]),
    unique=True,
)
PATHS = LINES.filter(lambda path: "://" not in path)

ANYTHING = st.fixed_dictionaries(
    {
        "host": st.sampled_from(["h.example", "::1", "10.0.0.1"]),
        "username": LINES,
        "password": SECRETS,
    },
    optional={
        "port": st.integers(1, 65535),
        "private_key_passphrase": SECRETS,
        "known_hosts": st.sampled_from(["/etc/hosts", "h ssh-ed25519 AAAAC3Nz\n", "env:HOSTS"]),
        "host_key_fingerprint": KEYS,
        "host_key_policy": st.sampled_from(["strict", "insecure"]),
        "connect_timeout": SECONDS,
        "keepalive_interval": st.one_of(st.just(0), SECONDS),
        "ciphers": CIPHERS,
        "max_buffer_bytes": st.integers(1024**2, 2**60),
        "format": st.sampled_from(["csv", "json", "parquet", "text"]),
        "compression": st.sampled_from(["none", "gzip", "zstd"]),
        "header": st.booleans(),
        "sep": st.sampled_from([",", ";", "\t", "||", r"\t", r"\\", r"\\t", " "]),
        "quote": st.sampled_from(["", "'", '"']),
        "escape": st.sampled_from(["", "\\", '"']),
        "null_value": st.text(st.characters(exclude_categories=["Cs"])),
        "empty_value": st.text(st.characters(exclude_categories=["Cs"])),
        "line_sep": st.sampled_from(["\n", "\r\n"]),
        "date_format": LINES,
        "path": PATHS,
        "single_file": st.booleans(),
        "max_file_bytes": SIZES,
        "commit_mode": st.sampled_from(["rename", "direct"]),
        "create_dirs": st.booleans(),
        "staging_dir": PATHS,
        "staging_ttl": SECONDS,
    },
)


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@given(
    options=ANYTHING, spelling=st.sampled_from([str, str.upper, camel, lambda n: camel(n).lower()])
)
def test_options_survive_sparks_map_in_every_spelling(
    options: dict[str, Any], spelling: Any
) -> None:
    original = SFTPOptions(**options)
    through_spark = {spelling(name): text for name, text in original.to_spark().items()}
    assert all(isinstance(text, str) for text in through_spark.values())
    assert SFTPOptions.from_spark(through_spark) == original


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
@example(["[c"])
@example([" c"])
@example(["a\nb", "c,d"])
@example(["\U0001f600,"])
def test_names_of_columns_survive_sparks_map(names: list[str]) -> None:
    options = SFTPOptions(**NEEDED, path="/out", partition_by=names)
    again = SFTPOptions.from_spark(options.to_spark())
    assert again.partition_by == tuple(names)


def test_only_what_was_given_goes_to_spark() -> None:
    options = SFTPOptions(**NEEDED, header=True, chunk_size="2MiB", timeout=1.5, ciphers=["a", "b"])
    assert options.to_spark() == {
        **NEEDED,
        "header": "true",
        "chunk_size": "2097152",
        "connect_timeout": "1.5",
        "ciphers": "a,b",
    }


def test_references_stay_references_on_the_way_to_spark() -> None:
    options = SFTPOptions(host="h", username="u", password="env:NOT_SET_ANYWHERE")
    assert options.to_spark()["password"] == "env:NOT_SET_ANYWHERE"


# --- URLs


def test_a_url_sets_host_user_port_and_path() -> None:
    options = SFTPOptions.from_url("sftp://me@h.example:2222/out/a%20b", password="pw", header=True)
    assert (options.address, options.path) == ("me@h.example:2222", "/out/a b")
    assert options.header


@given(user=LINES, path=LINES.filter(lambda text: not text.startswith("~")))
def test_user_and_path_of_a_url_are_percent_decoded(user: str, path: str) -> None:
    url = f"sftp://{quote(user, safe='')}@[::1]/{quote(path, safe='')}"
    options = SFTPOptions.from_url(url, password="pw")
    assert (options.username, options.host, options.path) == (user, "::1", "/" + path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sftp://me@h", None),
        ("SFTP://me@h/", "/"),
        ("sftp://me@h/~/in/x", "in/x"),
        ("sftp://me@h/~", "."),
        ("sftp://me@h/a?b#c", "/a?b#c"),
    ],
)
def test_the_path_of_a_url_is_absolute_unless_it_starts_in_the_login_directory(
    url: str, path: str | None
) -> None:
    assert SFTPOptions.from_url(url, password="pw").path == path


def test_a_user_name_may_be_an_address_with_an_at_sign() -> None:
    assert (
        SFTPOptions.from_url("sftp://me@corp.example@h/x", password="pw").username
        == "me@corp.example"
    )


def test_a_url_without_a_path_can_be_given_one() -> None:
    assert SFTPOptions.from_url("sftp://me@h", password="pw", path="/out").path == "/out"


@pytest.mark.parametrize("url", ["sftp://me:hunter2@h/x", "sftp://me:@h/x", "sftp://:hunter2@h/x"])
def test_a_password_in_a_url_is_an_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(OptionsError, match="The URL contains a password") as caught:
        SFTPOptions.from_url(url, username="me", password="pw")
    assert "hunter2" not in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://h/x", "must have the form sftp://user@host:port/path"),
        ("sftp://me@a b/x", "host (from the URL) must be a host name or an IP address"),
        ("sftp://me@h:x/", "port (from the URL) must be a whole number."),
        ("sftp://me@h/%ff", "The path in the URL is not UTF-8"),
        ("sftp://me:22/x@h", "The URL is ambiguous"),
    ],
)
def test_a_malformed_url_is_an_error(url: str, sentence: str) -> None:
    with pytest.raises(OptionsError) as caught:
        SFTPOptions.from_url(url, password="pw")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["path", "host", "server", "url"])
def test_a_url_is_accepted_in_every_option_that_spark_users_put_it_in(name: str) -> None:
    options = SFTPOptions.from_spark({name: "sftp://me@h:2222/out", "password": "pw"})
    assert (options.address, options.path) == ("me@h:2222", "/out")


def test_a_url_that_agrees_with_the_options_is_accepted() -> None:
    given_twice = {
        "host": "h",
        "user": "me",
        "port": "22",
        "path": "sftp://me@h:22/out",
        "pass": "x",
    }
    assert SFTPOptions.from_spark(given_twice).address == "me@h:22"


def test_a_url_that_contradicts_the_options_is_an_error_for_each_of_them() -> None:
    with pytest.raises(OptionsError) as caught:
        SFTPOptions(**NEEDED, port=22, path="sftp://you@other:2222/out")
    assert caught.value.problems == [
        f"{name} is given twice with different values: by {name} and by the URL in path."
        for name in ("host", "username", "port")
    ]
