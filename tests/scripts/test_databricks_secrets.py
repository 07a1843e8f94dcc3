"""`scripts/databricks-secrets.sh` against a stand-in for the Databricks CLI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.workshop import Run, Workshop

pytestmark = pytest.mark.one_python

PASSWORD = "pa ss'word\"$(date)"
PASSPHRASE = "pass-phrase-of-the-key"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0IGtleQ==\n-----END OPENSSH PRIVATE KEY-----\n"
FINGERPRINT = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
CHANGES = ("create-scope", "put-secret", "delete-secret", "delete-scope")


def make_workshop(place: Path) -> Workshop:
    workshop = Workshop(place, "databricks-secrets.sh", {"scopes": {"other": {}}})
    (place / "password").write_text(f"{PASSWORD}\n")
    (place / "key").write_text(KEY)
    workshop.settings = {
        "SFTP_HOST": "sftp.example.com",
        "SFTP_USERNAME": "partner",
        "SFTP_PASSWORD_FILE": str(place / "password"),
        "SFTP_PRIVATE_KEY_FILE": f'"{place / "key"}"',
        "SFTP_PRIVATE_KEY_PASSPHRASE": PASSPHRASE,
        "SFTP_HOST_KEY_FINGERPRINT": f"{FINGERPRINT}, ssh-ed25519 AAAAC3NzaC1lZDI1",
    }
    return workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return make_workshop(tmp_path)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The whole life of a scope, from nothing to nothing."""
    workshop = make_workshop(tmp_path_factory.mktemp("databricks"))

    def with_a_new_host() -> Run:
        workshop.settings["SFTP_HOST"] = "new.example.com"
        return workshop.run("up", "--update", "--profile", "night")

    return workshop.cast(
        rehearsal=lambda: workshop.run("up", "--dry-run"),
        first=lambda: workshop.run("up"),
        second=lambda: workshop.run("up"),
        update=with_a_new_host,
        traced=lambda: workshop.run("up", "--update", SHELLOPTS="xtrace"),
        show=lambda: workshop.run("show"),
        down_unasked=lambda: workshop.run("down"),
        down=lambda: workshop.run("down", "--yes"),
    )


def changes(run: Run) -> list[str]:
    return [command for command in run.commands if command.split()[2] in CHANGES]


def test_the_first_run_stores_every_option_under_its_own_name(life: dict[str, Run]) -> None:
    first = life["first"]
    assert (first.status, first.err) == (0, "")
    assert first.state["scopes"] == {
        "other": {},
        "sftp": {
            "host": "sftp.example.com",
            "port": "22",
            "username": "partner",
            "host_key_fingerprint": f"{FINGERPRINT}, ssh-ed25519 AAAAC3NzaC1lZDI1",
            "password": PASSWORD,
            "private_key_content": KEY,
            "private_key_passphrase": PASSPHRASE,
        },
    }


def test_a_second_run_changes_nothing_and_an_update_replaces(life: dict[str, Run]) -> None:
    assert life["second"].status == 0
    assert changes(life["second"]) == []
    assert len(changes(life["update"])) == 7
    assert life["update"].state["scopes"]["sftp"]["host"] == "new.example.com"
    assert {call["profile"] for call in life["update"].calls} == {"night"}


def test_a_rehearsal_changes_nothing(life: dict[str, Run]) -> None:
    assert life["rehearsal"].status == 0
    assert changes(life["rehearsal"]) == []
    assert "would store sftp/password" in life["rehearsal"].out


def test_no_secret_is_printed_or_a_process_argument(life: dict[str, Run]) -> None:
    for run in life.values():
        for secret in (PASSWORD, PASSPHRASE, "c2VjcmV0IGtleQ=="):
            assert secret not in run.seen_by_others
    assert life["show"].out.split() == [
        f"sftp/{key}" for key in life["first"].state["scopes"]["sftp"]
    ]


def test_removing_asks_first_and_leaves_nothing(life: dict[str, Run]) -> None:
    assert life["down_unasked"].status == 1
    assert changes(life["down_unasked"]) == []
    assert life["down"].state["scopes"] == {"other": {}}


def test_removing_spares_the_secrets_of_others(workshop: Workshop) -> None:
    workshop.holds({"scopes": {"sftp": {"host": "h", "another-users": "s"}}})
    run = workshop.run("down", "--yes")
    assert run.state["scopes"] == {"sftp": {"another-users": "s"}}
    assert "it also holds another-users" in run.out


@pytest.mark.parametrize(
    ("settings", "failing", "sentence"),
    [
        ({}, "current-user me", "Log in first: databricks auth login"),
        ({}, "secrets put-secret", "could not store sftp/host: 'databricks' ended with status 1"),
        ({}, "secrets list-scopes", "could not list the secret scopes"),
        ({"SFTP_HOST": ""}, None, "SFTP_HOST is not set"),
        ({"SFTP_HOST_KEY_FINGERPRINT": ""}, None, "No key is taken on trust"),
        ({"SFTP_HOST_KEY_FINGERPRINT": "MD5:aa:bb"}, None, "'MD5:aa:bb' is neither"),
        ({"SFTP_PRIVATE_KEY_FILE": "/none"}, None, "'/none' cannot be read"),
        ({"SFTP_PRIVATE_KEY_FILE": __file__}, None, "no private key"),
        ({"SFTP_PRIVATE_KEY_FILE": "", "SFTP_PASSWORD_FILE": ""}, None, "no credentials"),
    ],
)
def test_a_failure_ends_in_a_sentence_and_stores_nothing(
    workshop: Workshop, settings: dict[str, str], failing: str | None, sentence: str
) -> None:
    workshop.settings |= settings
    workshop.holds({"scopes": {"sftp": {}}, "failing": failing})
    run = workshop.run("up")
    assert run.status == 1
    last = run.err.splitlines()[-1]
    assert last.startswith("databricks-secrets.sh: ")
    assert sentence in last
    assert run.state["scopes"] == {"sftp": {}}


def test_a_line_that_is_no_setting_is_named_by_its_number_alone(workshop: Workshop) -> None:
    workshop.settings["SFTP_PASSWORD"] = "first\nsecond-half-of-a-secret"
    run = workshop.run("up")
    assert (run.status, run.calls) == (1, [])
    assert "line 8: wanted NAME=value" in run.err
    assert "second-half" not in run.seen_by_others


@pytest.mark.parametrize(("mode", "warns"), [(0o640, True), (0o604, True), (0o600, False)])
def test_settings_that_others_can_read_are_reported(
    workshop: Workshop, mode: int, warns: bool
) -> None:
    workshop.settings_mode = mode
    assert ("chmod 600" in workshop.run("show").out) is warns
