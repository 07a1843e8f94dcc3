"""`sftp-async recover` and `clean`: they show before they act, and a look changes nothing."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from sftp_async.layout.hidden_names import hidden_name
from sftp_async.tools.cli.output import Output
from tests.support.cli import AtServer
from tests.support.foreign_files import age, interrupted, state_of
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

ABANDONED = "f" * 32


@pytest.fixture
def at(sshd: SSHD, tmp_path: Path) -> AtServer:
    return AtServer(sshd, tmp_path)


def abandon(target: Path, hours: float = 24) -> Path:
    """Leave what a crashed job leaves."""
    staging = target / "_temporary" / ABANDONED
    staging.mkdir(parents=True)
    (staging / "part-00000-c000-x").write_text("half")
    age(staging, hours * 3600)
    return staging


def test_recover_shows_what_there_is_to_do_and_changes_nothing(
    at: AtServer, sshd: SSHD, out: Path
) -> None:
    job = interrupted(sshd, out)
    before = state_of(out)
    ended = at("recover", out)
    assert state_of(out) == before
    assert ended.code == 1
    shown, clock, verdict = ended.out.splitlines()
    assert shown.startswith(f"job {job.layout.job_id[:16]}, interrupted ")
    assert shown.endswith(" ago, 2 files, 2 rows, 4 bytes: make its files visible")
    assert clock == "Ages are by this machine's clock."
    assert verdict == "Nothing was done. Add --yes to do it."


def test_recover_acts_when_confirmed(at: AtServer, sshd: SSHD, out: Path) -> None:
    interrupted(sshd, out)
    ended = at("recover", out, "--yes")
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == "Done: 1 commit ended, 0 leftovers removed."
    assert sorted(file.read_text() for file in out.iterdir()) == ["a\n", "b\n"]
    again = at("recover", out)
    assert (again.code, again.out) == (0, f"Nothing to do in {out}.\n")


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_recover_asks_first(
    at: AtServer, sshd: SSHD, out: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(Output, "interactive", True)
    interrupted(sshd, out)
    before = state_of(out)
    at.answers = f"{answer}\n"
    ended = at("recover", out)
    assert "Do it? [y/N]:" in ended.err
    assert ended.code == (0 if answer == "y" else 1)
    assert (state_of(out) == before) == (answer == "n")


def test_recover_for_programs(at: AtServer, sshd: SSHD, out: Path) -> None:
    job = interrupted(sshd, out)
    shown = at("recover", out, "--json")
    assert (shown.code, shown.document["done"]) == (1, False)
    [commit] = shown.document["interrupted"]
    assert (commit["job_id"], commit["end"], commit["files"]) == (job.layout.job_id, "complete", 2)
    done = at("recover", out, "--json", "--yes")
    assert (done.code, done.document["done"], done.document["finished"]) == (0, True, 1)


def test_a_commit_that_was_withdrawn_is_shown_as_to_be_rolled_back(
    at: AtServer, sshd: SSHD, out: Path
) -> None:
    job = interrupted(sshd, out)
    intent = out / "_temporary" / f"{job.layout.job_id}.intent.json"
    intent.rename(intent.with_name(intent.name.replace("intent", "withdrawn")))
    assert at("recover", out).out.splitlines()[0].endswith(": roll its files back")
    assert at("recover", out, "--yes").code == 0
    assert list(out.iterdir()) == []


def test_clean_shows_old_staging_and_changes_nothing(at: AtServer, out: Path) -> None:
    staging = abandon(out)
    before = state_of(out)
    ended = at("clean", out, "--older-than", "12h")
    assert state_of(out) == before
    assert ended.code == 1
    assert ended.out.splitlines()[0] == f"{staging}, 24 hours old: remove"
    assert at("clean", out, "--older-than", "2d").code == 0
    assert state_of(out) == before


def test_clean_removes_old_staging_and_leaves_an_interrupted_commit(
    at: AtServer, sshd: SSHD, out: Path
) -> None:
    job = interrupted(sshd, out)
    abandoned = abandon(out)
    kept = out / "_temporary" / job.layout.job_id
    age(kept, 24 * 3600)
    ended = at("clean", out, "--older-than", "12h", "--yes", "--json")
    assert (ended.code, ended.document["finished"], ended.document["swept"]) == (0, 0, 1)
    assert [each["path"] for each in ended.document["abandoned"]] == [str(abandoned)]
    assert not abandoned.exists()
    assert kept.is_dir()
    assert at("recover", out, "--yes").code == 0
    assert sorted(file.read_text() for file in out.iterdir()) == ["a\n", "b\n"]


def test_recover_shows_staging_that_clean_would_sweep_too(at: AtServer, out: Path) -> None:
    staging = abandon(out, hours=24 * 30)
    assert f"{staging}, 30 days old: remove" in at("recover", out).out
    assert at("recover", out, "--yes").code == 0
    assert not staging.exists()


def test_clean_removes_hidden_files_of_commands_that_were_killed(at: AtServer, out: Path) -> None:
    out.mkdir()
    left = [out / hidden_name(maker, "0a" * 16) for maker in ("bench", "check", "preflight", "put")]
    left.append(out / hidden_name("check", "0a" * 16, "renamed"))
    young, foreign = out / hidden_name("put", "0b" * 16), out / ".sftp_async-mine"
    data = out / "a.csv"
    for path in (*left, young, foreign, data):
        path.touch()
        age(path, 0 if path == young else 24 * 3600)
    before = state_of(out)
    shown = at("clean", out, "--older-than", "12h")
    assert (shown.code, state_of(out)) == (1, before)
    assert sorted(f"{path}, 24 hours old: remove" for path in left) == shown.out.splitlines()[:5]
    done = at("clean", out, "--older-than", "12h", "--yes", "--json")
    assert (done.code, done.document["swept"]) == (0, 5)
    assert sorted(out.iterdir()) == sorted([young, foreign, data])


def test_a_target_without_anything_and_a_target_without_a_path(at: AtServer, out: Path) -> None:
    assert at("clean", out).code == 0
    assert not out.exists()
    ended = at("recover", "")
    assert ended.code == 2
    assert "TARGET names no path" in ended.err


def test_staging_that_another_targets_commit_names_is_not_offered(
    at: AtServer, sshd: SSHD, out: Path, remote_dir: Path
) -> None:
    shared = remote_dir / "shared"
    job = interrupted(sshd, out, staging_dir=str(shared))
    age(shared / job.layout.job_id, 24 * 3600)
    before = state_of(remote_dir)
    ended = at("clean", remote_dir / "other", "--older-than", "12h", "-o", f"staging_dir={shared}")
    assert (ended.code, state_of(remote_dir)) == (0, before)


def test_a_server_that_turns_us_away_is_an_error_at_once(at: AtServer) -> None:
    asked = 0

    def turn_away() -> None:
        nonlocal asked
        while True:
            client, _ = listener.accept()
            with client:
                if client.recv(1) == b"!":
                    return
                asked += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=turn_away)
        thread.start()
        at.address = f"me@127.0.0.1:{listener.getsockname()[1]}"
        ended = at("recover", "/out")
        with socket.create_connection(listener.getsockname()) as last:
            last.sendall(b"!")
        thread.join(10)
    assert ended.code == 1
    assert "closed the connection before the login was done" in ended.err
    assert asked == 1
