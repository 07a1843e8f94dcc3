"""The administrator of a driver decides what options may refer to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.reference_policy import VARIABLE

NEEDED: dict[str, Any] = {"host": "h.example", "username": "me"}
KNOWN_HOST = "h.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
THRIFT = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets, one of them behind links as Kubernetes mounts it, and one outside."""
    folder = tmp_path / "secrets"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..2026" / "password").write_text("mounted")
    (folder / "..data").symlink_to("..2026")
    (folder / "password").symlink_to("..data/password")
    (tmp_path / "outside").write_text("outside")
    (tmp_path / "secrets-of-others").write_text("others")
    (folder / "link").symlink_to(tmp_path / "outside")
    monkeypatch.setenv("SFTP_ORDERS", "ordered")
    monkeypatch.setenv("AWS_SECRET", "of the cloud")
    return folder


def resolved(monkeypatch: pytest.MonkeyPatch, policy: str, **options: str) -> SFTPOptions:
    monkeypatch.setenv(VARIABLE, policy)
    return SFTPOptions(**{"password": "pw"} | NEEDED | options).resolve()


def secret_of(options: SFTPOptions) -> str:
    assert options.password is not None
    return options.password.get_secret_value()


@pytest.mark.parametrize("policy", ["all", "ALL", "env:SFTP_*", "file:/x, env:SFTP_ORDERS", ""])
def test_a_variable_that_is_allowed_is_looked_up(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    assert secret_of(resolved(monkeypatch, policy, password="env:SFTP_ORDERS")) == "ordered"


@pytest.mark.parametrize("policy", ["none", "env:SFTP_*", "env:aws_*", "file:/"])
def test_a_variable_that_is_not_allowed_is_refused_unread(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    with pytest.raises(OptionsError) as caught:
        resolved(monkeypatch, policy, password="env:AWS_SECRET")
    (problem,) = caught.value.problems
    assert problem == (
        "password refers to the environment variable 'AWS_SECRET', which is not allowed: "
        f"{VARIABLE} of the driver does not list it. Ask the driver's administrator."
    )
    # Nothing distinguishes a variable that is set from one that is not.
    with pytest.raises(OptionsError, match="'NO_SUCH', which is not allowed"):
        resolved(monkeypatch, policy, password="env:NO_SUCH")


@pytest.mark.parametrize("policy", ["file:{}/", "file://{}/", "env:X,file:{}/password", "all"])
def test_a_file_of_an_allowed_folder_is_read_through_links_within_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    if policy.endswith("password"):
        # One file is allowed by its own name, links resolved on both sides.
        assert (secrets / "password").resolve() != secrets / "password"
    options = resolved(monkeypatch, policy.format(secrets), password=f"file:{secrets}/password")
    assert secret_of(options) == "mounted"


def test_the_allowed_folder_may_be_a_link_itself(
    secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").symlink_to(secrets)
    for policy, given in (("run", "secrets"), ("secrets", "run"), ("run", "run")):
        options = resolved(
            monkeypatch, f"file:{tmp_path / policy}/", password=f"file:{tmp_path / given}/password"
        )
        assert secret_of(options) == "mounted"


@pytest.mark.parametrize(
    "path",
    [
        "{}/../outside",
        "{}/link",
        "{}/..data/../../outside",
        "{}-of-others",
        "{}/nothing/../../outside",
        "/proc/self/environ",
        "/proc/self/root/etc/passwd",
        "outside",
        "~/outside",
    ],
)
def test_a_path_that_leads_out_of_the_allowed_folder_is_refused_unread(
    secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    given = path.format(secrets)
    uses = {
        "password": {"password": f"file:{given}"},
        "private_key_content": {"private_key_content": f"file:{given}"},
        "private_key_passphrase": {"private_key_passphrase": f"file:{given}"},
        "private_key_path": {"private_key_path": given},
        "known_hosts": {"known_hosts": given},
        "proxy_password": {"proxy_url": "http://u@p:1", "proxy_password": f"file:{given}"},
        "proxy_jump_password": {"proxy_jump": "b", "proxy_jump_password": f"file:{given}"},
        "proxy_jump_private_key_path": {"proxy_jump": "b", "proxy_jump_private_key_path": given},
    }
    for option, options in uses.items():
        with pytest.raises(OptionsError, match=rf"^Invalid option: {option} .* not allowed: "):
            resolved(monkeypatch, f"file:{secrets}/", **options)


def test_known_hosts_given_as_text_refer_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    options = resolved(monkeypatch, "none", known_hosts=KNOWN_HOST)
    assert options.known_hosts == KNOWN_HOST + "\n"


def test_what_a_shell_passes_in_a_pipe_is_read_where_everything_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as pipe:
        pipe.write("piped")
        pipe.close()
        assert secret_of(resolved(monkeypatch, "all", password=f"file:/dev/fd/{reading}")) == (
            "piped"
        )


@pytest.mark.parametrize(
    "policy", ["hunter2", "env:", "file:relative/", "all,none", "env:A file:B"]
)
def test_a_policy_that_cannot_be_read_allows_nothing_and_is_not_repeated(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    if policy == "env:A file:B":  # one pattern, which fits no variable
        with pytest.raises(OptionsError, match="does not list it"):
            resolved(monkeypatch, policy, password="env:SFTP_ORDERS")
        return
    with pytest.raises(
        OptionsError, match=rf"{VARIABLE} on the driver must be all, none"
    ) as caught:
        resolved(monkeypatch, policy, password="env:SFTP_ORDERS")
    assert "hunter2" not in str(caught.value)
    # What refers to nothing needs no policy.
    assert secret_of(resolved(monkeypatch, policy)) == "pw"


LOOK_UP = """
from sftp_async.options import SFTPOptions
options = SFTPOptions(host="h", username="u", password="env:SFTP_ORDERS")
try:
    print(options.resolve().password.get_secret_value())
except Exception as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("server", "environment", "outcome"),
    [
        (CONNECT, {}, "this driver is a Spark Connect server"),
        (THRIFT, {}, "this driver is a Thrift server"),
        ("org.apache.spark.api.python.PythonGatewayServer", {}, "ordered"),
        (CONNECT, {VARIABLE: "env:SFTP_*"}, "ordered"),
        (CONNECT, {"SPARK_LOCAL_REMOTE": "1"}, "ordered"),
    ],
)
def test_a_server_for_several_users_allows_nothing_until_its_administrator_does(
    server: str, environment: dict[str, str], outcome: str
) -> None:
    # As Spark does: a process with the server's class on its command line starts Python below it.
    starts_python = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    done = subprocess.run(
        [sys.executable, "-c", starts_python, LOOK_UP, server],
        env={**os.environ, "SFTP_ORDERS": "ordered", **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    assert outcome in done.stdout
    assert (done.stdout.strip() == "ordered") == (outcome == "ordered")
