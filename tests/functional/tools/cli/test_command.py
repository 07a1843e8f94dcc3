"""What all commands share: the help page, `--json`, exit codes, and secrets."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest
import typer

from sftp_async.errors import SFTPAsyncError
from sftp_async.tools.cli.app import app
from sftp_async.tools.cli.output import Output
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import PASSWORD_VARIABLE, AtServer, sftp_async

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

HELP_ALONE = """
import sys
from sftp_async.tools.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
heavy = {"pyspark", "pyarrow", "asyncssh", "pydantic", "sftp_async.options"}
print("imported:", sorted(heavy & set(sys.modules)))
"""


#: Every command that does something; those of a group by two words.
ALL = {name: command for name, command in COMMANDS.items() if not hasattr(command, "commands")} | {
    f"{group} {name}": command
    for group, commands in COMMANDS.items()
    for name, command in getattr(commands, "commands", {}).items()
}


def test_without_arguments_the_help_page_lists_all_commands() -> None:
    ended = sftp_async()
    assert ended.code == 0
    assert all(f" {name} " in ended.out for name in COMMANDS)
    assert "sftp-async serve prints the command for the other one" in ended.out


def test_the_module_is_the_command_and_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP_ALONE], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("imported: []\n")


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_json_and_a_help_text(name: str) -> None:
    command = ALL[name]
    flags = [flag for parameter in command.params for flag in parameter.opts]
    assert {"--json", "--verbose", "-v", "--quiet", "-q"} <= set(flags)
    assert len(flags) == len(set(flags))
    assert command.help
    assert f"sftp-async {name}" in command.epilog


def test_an_error_is_one_json_document(at: AtServer) -> None:
    ended = at("ls", "/not/there", "--json")
    assert ended.code == 1
    assert ended.document["error"]["kind"] == "RemoteNotFoundError"
    assert ended.document["error"]["path"] == "/not/there"
    assert ended.err == ""


def test_an_error_has_cause_place_and_advice(at: AtServer) -> None:
    (at.server.root / "taken.csv").touch()  # type: ignore[union-attr]
    ended = at("put", "/taken.csv", before=__file__)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines() == [
        f"Error: The file already exists (host {at.address}, path /taken.csv)",
        "  -> Replace it with --force",
    ]


def test_all_invalid_options_are_reported_at_once(at: AtServer) -> None:
    ended = at("ls", "/", "-o", "channels_per_file=99", "-o", "conect_timeout=3")
    assert ended.code == 2
    assert "- -o channels_per_file must be auto, or a whole number from 1 to 8, not" in ended.err
    assert "'conect_timeout' is not an option; did you mean connect_timeout?" in ended.err


def test_an_error_names_the_flag_of_an_option(at: AtServer) -> None:
    at.login[1] = "nonsense"
    ended = at("ls", "/")
    assert ended.code == 2
    assert "Invalid option: --host-key-fingerprint must be" in ended.err


def test_verbose_shows_what_the_library_logs_and_quiet_no_reports(at: AtServer) -> None:
    (at.server.root / "a").mkdir()  # type: ignore[union-attr]
    assert " INFO Opening SSH connection to " in at("ls", "/", "-vv").err
    assert at("ls", "/", "-v").err == ""
    ended = at("put", "/a/b", "-q", before=__file__)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_wrong_usage_ends_with_2() -> None:
    assert sftp_async("ls").code == 2
    assert sftp_async("nonsense").code == 2


def test_an_unknown_host_key_comes_with_the_option_to_set(
    embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    at = AtServer(embedded_server, embedded_server.root)
    ended = sftp_async("ls", at.address, "--password-env", PASSWORD_VARIABLE, env=at.env)
    assert ended.code == 1
    assert "The server's host key is unknown" in ended.err
    assert f"For this command: --host-key-fingerprint {embedded_server.fingerprint}" in ended.err
    assert embedded_server.logins == 0


def test_a_warning_goes_to_standard_error(at: AtServer) -> None:
    at.login[:2] = ["-o", "host_key_policy=insecure"]
    ended = at("ls", "/", "--json")
    assert ended.err.startswith("Warning: host_key_policy=insecure")
    assert ended.document["entries"] == []


@pytest.mark.parametrize("lines", [1, 16])  # read before the first check, before a probe's end
def test_a_reader_that_closes_the_pipe_ends_the_command_without_a_message(
    at: AtServer, lines: int
) -> None:
    # Without uvloop, as most install it: there SystemExit from a step would end the event loop.
    script = (
        "import sys; sys.modules['uvloop'] = None; from sftp_async.tools.cli import main; main()"
    )
    command = [sys.executable, "-c", script, "doctor", f"{at.address}:/", *at.login]
    with subprocess.Popen(
        command,
        env={**os.environ, **at.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for _ in range(lines):
                assert process.stdout.readline()
            process.stdout.close()
            assert process.wait(20) in (0, 1)
        finally:
            process.kill()
        errors = process.stderr.read()
    assert errors == ""
    assert list(at.server.root.iterdir()) == []  # type: ignore[union-attr]


def test_a_terminal_limited_to_ascii_gets_question_marks(at: AtServer) -> None:
    (at.server.root / "é€").touch()  # type: ignore[union-attr]
    command = [sys.executable, "-m", "sftp_async", "ls", f"{at.address}:/", *at.login]
    environment = {**os.environ, **at.env, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("  ??\n")


# --- secrets


def test_a_password_is_prompted_for_and_not_echoed(at: AtServer) -> None:
    password = at.env[PASSWORD_VARIABLE]
    login = [*at.login[:2], "--ask-password"]
    ended = sftp_async("ls", f"{at.address}:/", *login, "--json", answers=password + "\n")
    assert ended.code == 0
    assert ended.document["entries"] == []
    assert password not in ended.out + ended.err


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_unanswered_prompt_is_an_error_with_advice(at: AtServer, more: list[str]) -> None:
    ended = sftp_async("ls", at.address, *at.login[:2], "--ask-password", *more)
    assert ended.code == 2
    if more:
        assert ended.document["error"]["kind"] == "OptionsError"
    shown = ended.out if more else ended.err
    assert "Password: the prompt got no answer" in shown
    assert "--password-env NAME" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", "S3cret"],
        ["--passphrase=S3cret"],
        ["-o", "password=S3cret"],
        ["-o", "pass=S3cret"],
        ["-o", "privateKeyPassphrase=S3cret"],
        ["-o", "private_key=-----BEGIN S3cret"],
        ["-o", "S3cret"],
    ],
)
def test_a_secret_as_an_argument_is_refused_and_not_repeated(arguments: list[str]) -> None:
    ended = sftp_async("ls", "me@host.invalid", *arguments)
    assert ended.code == 2
    assert "S3cret" not in ended.out + ended.err
    assert "-o" in ended.err


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_wrong_password_is_not_shown(at: AtServer, more: list[str]) -> None:
    at.env[PASSWORD_VARIABLE] = "wrong-S3cret"
    for command in ("ls", "doctor"):
        ended = at(command, "/", *more)
        assert ended.code == 1
        assert "refused the login" in ended.out + ended.err
        assert "S3cret" not in ended.out + ended.err


def test_a_server_cannot_send_control_characters_to_the_terminal(at: AtServer) -> None:
    assert "\x1b" not in at("doctor", "/\x1b[2J", "--quick").out
    assert "path /?" in at("doctor", "/\udcff", "--quick").out
    (at.server.root / "\x1b[2Jevil\n").touch()  # type: ignore[union-attr]
    ended = at("ls", "/")
    assert "?[2Jevil?" in ended.out
    assert "\x1b" not in ended.out
    [entry] = at("ls", "/", "--json").document["entries"]
    assert entry["name"] == "\x1b[2Jevil\n"


def test_the_command_looks_up_what_the_policy_allows_and_nothing_else(at: AtServer) -> None:
    at.env["SFTP_ASYNC_REFERENCES"] = f"env:{PASSWORD_VARIABLE}"
    assert at("ls", "/").code == 0
    at.env["SFTP_ASYNC_REFERENCES"] = "env:OTHER_*"
    for command in ("ls", "doctor", "recover"):
        ended = at(command, "/")
        assert ended.code != 0
        assert "which is not allowed: SFTP_ASYNC_REFERENCES" in " ".join(
            (ended.out + ended.err).split()
        )


@pytest.mark.parametrize(
    ("redirection", "arguments"),
    [("> /dev/full", ["ls", "--json"]), ("> /dev/full", ["cat"]), (">&-", ["cat"])],
)
def test_a_standard_output_that_cannot_be_written_is_one_error(
    at: AtServer, redirection: str, arguments: list[str]
) -> None:
    (at.server.root / "a.csv").write_text("a" * 100)  # type: ignore[union-attr]
    ended = in_shell(at, redirection, *arguments, f"{at.address}:/a.csv")
    assert ended.returncode == 1
    reason = "is closed" if redirection == ">&-" else "cannot be written: No space left on device"
    assert ended.stderr == f"Error: Standard output {reason}\n"


def test_a_command_without_standard_input_says_so(at: AtServer) -> None:
    put = in_shell(at, "<&-", "put", "-", f"{at.address}:/new")
    assert (put.returncode, put.stderr) == (1, "Error: Standard input is closed\n")


def test_no_question_is_asked_without_standard_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert not Output(False).interactive
    assert not Output(False).is_terminal()


def test_an_error_does_not_go_to_standard_output_if_standard_error_is_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    Output(False).error(SFTPAsyncError("It failed"))
    assert capsys.readouterr().out == ""


def in_shell(at: AtServer, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with its standard streams redirected as a shell does."""
    words = shlex.join([sys.executable, "-m", "sftp_async", *arguments, *at.login])
    return subprocess.run(
        f"{words} {redirection}",
        shell=True,
        env={**os.environ, **at.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
