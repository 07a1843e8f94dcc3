"""Shells complete names of connections, and paths on servers."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sftp_async.tools.cli import completion, main
from sftp_async.tools.testing.embedded_server import EmbeddedServer

pytestmark = pytest.mark.one_python

Complete = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def root(embedded_server: EmbeddedServer) -> Path:
    for name in ("out/my file.csv", "out/.hidden", "in/deep/a.csv", "in/$(x)`y`.csv"):
        path = embedded_server.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return embedded_server.root


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Complete:
    """Ask for completions as a shell's script does; nothing is on standard error."""

    def ask(shell: str, *words: str) -> list[str]:
        monkeypatch.setenv("_SFTP_ASYNC_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv("COMP_WORDS", "\n".join(("sftp-async", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", " ".join(("sftp-async", *words)))
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        with contextlib.suppress(SystemExit):  # none where nothing is completed
            main()
        shown = capfd.readouterr()
        assert shown.err == ""
        return [line for line in shown.out.splitlines() if line]

    return ask


def test_fish_completes_names_and_paths(connections: Path, complete: Complete) -> None:
    assert complete("fish", "ls", "par") == ["partner:"]
    assert complete("fish", "ls", "partner:/") == ["partner:/in/", "partner:/out/"]
    assert complete("fish", "ls", "partner:o") == ["partner:out/"]
    assert complete("fish", "ls", "partner:/out/") == ["partner:/out/my file.csv"]
    assert complete("fish", "ls", "partner:/out/.") == ["partner:/out/.hidden"]
    assert complete("fish", "connections", "show", "p") == ["partner"]


def test_further_paths_are_on_the_server_of_the_first_and_local_ones_are_files(
    connections: Path, complete: Complete, tmp_path: Path
) -> None:
    assert complete("fish", "cat", "partner:/out/x", ":/i") == [":/in/"]
    assert complete("fish", "get", "partner:/out/x", "partner:/i") == ["partner:/in/"]
    (tmp_path / "here").mkdir()
    assert complete("fish", "put", f"{tmp_path}/he") == [f"{tmp_path}/here/"]


def test_bash_completes_the_part_behind_the_colon(connections: Path, complete: Complete) -> None:
    assert complete("bash", "ls", "par") == ["partner:", "partner:/"]
    assert complete("bash", "doctor", "partner", ":") == ["in/", "out/"]
    # A directory alone comes with what is in it: Bash adds no space then.
    assert complete("bash", "ls", "partner", ":", "/o") == ["/out/", "/out/my\\ file.csv"]
    assert complete("bash", "get", "partner", ":", "/in/$") == []
    assert complete("bash", "ls", "partner", ":", "/in/\\$") == ["/in/\\$\\(x\\)\\`y\\`.csv"]
    assert complete("bash", "put", "local.csv", "partner", ":", "/in/d") == [
        "/in/deep/",
        "/in/deep/a.csv",
    ]


def test_zsh_gets_no_name_that_its_script_could_run(connections: Path, complete: Complete) -> None:
    answer = "\n".join(complete("zsh", "ls", "partner:/in/"))
    assert "deep/" in answer
    assert "(x)" not in answer


def test_a_url_and_a_host_are_completed_by_the_options_before_them(
    connections: Path,
    embedded_server: EmbeddedServer,
    complete: Complete,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SFTP_ASYNC_PASSWORD", str(embedded_server.password))
    place = f"{embedded_server.username}@{embedded_server.host}:{embedded_server.port}"
    key = ["--host-key-fingerprint", embedded_server.fingerprint]
    assert complete("fish", "ls", *key, f"{place}:/o") == [f"{place}:/out/"]
    url = f"sftp://{place}"
    assert complete("fish", "ls", *key, f"{url}/out/m") == [f"{url}/out/my%20file.csv"]
    assert complete("fish", "ls", *key, f"{url}/~/o") == [f"{url}/~/out/"]


def test_whatever_goes_wrong_nothing_is_shown(
    connections: Path, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = connections.read_text()
    assert complete("fish", "ls", "partner:/absent/") == []
    assert complete("fish", "ls", "--ask-password", "partner:/") == []
    assert complete("fish", "ls", "me@127.0.0.1:1:/") == []
    assert complete("fish", "ls", "unknown:/") == []
    for wrong in ('[partner]\nhots = "x"', "not toml", text.replace('password = "', '"keyring:')):
        connections.write_text(wrong)
        assert complete("fish", "ls", "partner:/") == []
    connections.chmod(0o666)
    assert complete("fish", "ls", "par") == []
    # A server that never answers, with a limit that is not waited for.
    monkeypatch.setattr(completion, "LIMIT", 0.05)
    connections.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        connections.write_text(
            f"{text.partition('port =')[0]}port = {port}\npassword = 'x'\nusername = \"me\"\n"
        )
        assert complete("fish", "ls", "partner:/") == []


def test_bash_completes_for_real(connections: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "dumb",
        "PS1": "$ ",
        "INPUTRC": "/dev/null",
    }
    controller, terminal = pty.openpty()
    bash = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    )
    os.close(terminal)

    def until(text: str) -> None:
        seen = ""
        while text not in seen:
            assert select.select([controller], [], [], 120)[0], seen
            seen += os.read(controller, 4096).decode(errors="replace")

    def type_in(text: str) -> None:
        os.write(controller, text.encode())

    try:
        type_in("bind 'set bell-style none'; bind 'set enable-bracketed-paste off'\n")
        type_in(
            'eval "$(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1 '
            "sftp-async --show-completion bash)\"; echo rea''dy\n"
        )
        until("ready")
        type_in("sftp-async ls par\t")
        until("ls partner:")
        type_in("/o\t")
        until("/out/")
        type_in("m\t")
        until("my\\ file.csv ")
        type_in("\x01echo \x05\n")  # the command line as it is now, as arguments of echo
        until("sftp-async ls partner:/out/my file.csv")
        type_in("exit\n")
        assert bash.wait(60) == 0
    finally:
        bash.kill()
        bash.wait()
        os.close(controller)
