"""`scripts/azure-sftp.sh` against a stand-in for the Azure CLI."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.workshop import Run, Workshop

pytestmark = pytest.mark.one_python

PASSWORD = "made-by-azure-0123456789abcdef/+=="
CHANGES = ("create", "update", "delete", "regenerate-password", "upload")


def empty_cloud(**more: Any) -> dict[str, Any]:
    cloud = {"groups": {}, "accounts": {}, "container-rm": {}, "local-user": {}, "blobs": []}
    return cloud | {"other_resources": [], "taken": [], "password": PASSWORD} | more


def account(**more: Any) -> dict[str, Any]:
    """An account as `up` leaves it."""
    return {
        "name": "sftpdemo1",
        "resourceGroup": "demo",
        "isHnsEnabled": True,
        "isSftpEnabled": True,
        "isLocalUserEnabled": True,
        "primaryEndpoints": {"blob": "https://sftpdemo1.blob.core.windows.net/"},
        "tags": {"created_by": "sftp_async"},
    } | more


def changes(run: Run) -> list[str]:
    return [command for command in run.commands if command.endswith(CHANGES)]


def make_workshop(place: Path, cloud: dict[str, Any]) -> Workshop:
    workshop = Workshop(place, "azure-sftp.sh", cloud)
    workshop.settings = {
        "AZURE_RESOURCE_GROUP": "demo",
        "AZURE_STORAGE_ACCOUNTS": "sftpdemo1",
        "SFTP_SECRETS_DIR": str(place / "secrets"),
        "SFTP_PRIVATE_KEY_FILE": str(place / "secrets" / "id_rsa"),
    }
    return workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """An empty cloud, and a key pair that is there already: making one takes a second."""
    made = make_workshop(tmp_path, empty_cloud())
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "id_rsa").write_text("a private key")
    (tmp_path / "secrets" / "id_rsa.pub").write_text("ssh-rsa AAAAB3 user@somewhere\n")
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("azure")


@pytest.fixture(scope="module")
def life(place: Path) -> dict[str, Run]:
    """The whole life of a demo, from nothing to nothing."""
    workshop = make_workshop(place, empty_cloud())

    def up_seeing_host_keys() -> Run:
        # Any key serves for a host key: the one that is there.
        line = f"$2 $(cut -d' ' -f1,2 {place}/secrets/id_rsa.pub)"
        workshop.command("sftp-async", f'#!/bin/sh\necho "{line}"\n')
        return workshop.run("up")

    return workshop.cast(
        rehearsal=lambda: workshop.run("up", "--dry-run"),
        first=lambda: workshop.run("up"),
        second=up_seeing_host_keys,
        down_rehearsal=lambda: workshop.run("down", "--dry-run"),
        down_unasked=lambda: workshop.run("down"),
        down=lambda: workshop.run("down", "--yes"),
    )


def test_the_first_run_makes_everything(life: dict[str, Run], place: Path) -> None:
    first = life["first"]
    assert (first.status, first.err) == (0, "")
    assert changes(first) == [
        "az group create",
        "az storage account create",
        "az storage container-rm create",
        "az storage container-rm create",
        "az storage account local-user create",
        "az storage account local-user create",
        "az storage account local-user regenerate-password",
        "az storage blob upload",
        "az storage blob upload",
    ]
    made = first.state["accounts"]["sftpdemo1"]
    assert made == account()
    assert first.state["container-rm"] == {"sftpdemo1": ["source", "target"]}
    assert first.state["local-user"] == {"sftpdemo1": ["loader", "partner"]}
    assert [blob[1:] for blob in first.state["blobs"]] == [
        ["source", "customers.csv"],
        ["source", "orders.csv"],
    ]
    assert (place / "secrets" / "id_rsa").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY")


def test_a_user_may_write_rename_and_clean_up_and_logs_in_one_way(life: dict[str, Run]) -> None:
    argv = [call["argv"] for call in life["first"].calls if "--home-directory" in call["argv"]]
    with_key, with_password = argv
    for user in argv:
        assert user[user.index("--home-directory") + 1] == "target"
        assert user.count("permissions=rcwdl") == 2
    for user, key, password in ((with_key, "true", "false"), (with_password, "false", "true")):
        assert user[user.index("--has-ssh-key") + 1] == key
        assert user[user.index("--has-ssh-password") + 1] == password
    (key,) = [word for word in with_key if word.startswith("key=")]
    assert len(key.split()) == 2  # Azure wants no comment
    assert key.startswith("key=ssh-rsa AAAA")
    assert "--ssh-authorized-key" not in with_password


def test_it_prints_what_goes_into_the_settings(life: dict[str, Run], place: Path) -> None:
    lines = [line.strip() for line in life["first"].out.splitlines()]
    assert "SFTP_HOST=sftpdemo1.blob.core.windows.net" in lines
    secrets = place / "secrets"
    assert f"SFTP_USERNAME=sftpdemo1.loader  SFTP_PRIVATE_KEY_FILE={secrets}/id_rsa" in lines
    file = secrets / "sftpdemo1.partner.password"
    assert f"SFTP_USERNAME=sftpdemo1.partner  SFTP_PASSWORD_FILE={file}" in lines


def test_host_keys_are_shown_to_be_compared(life: dict[str, Run], place: Path) -> None:
    shown = ["ssh-keygen", "-l", "-f", str(place / "secrets" / "id_rsa.pub")]
    bits, fingerprint, *_ = subprocess.run(shown, capture_output=True, text=True).stdout.split()
    assert f"{bits} {fingerprint} sftpdemo1.blob.core.windows.net (RSA)" in life["second"].out
    assert "Compare before you trust one" in life["second"].out
    assert "none seen" in life["first"].out  # neither sftp-async nor an answer to ssh-keyscan


def test_a_second_run_changes_nothing(life: dict[str, Run]) -> None:
    assert life["second"].status == 0
    assert changes(life["second"]) == []
    assert life["second"].state == life["first"].state


def test_a_rehearsal_changes_nothing_and_tells_what_would_be(life: dict[str, Run]) -> None:
    rehearsal = life["rehearsal"]
    assert (rehearsal.status, rehearsal.err) == (0, "")
    assert changes(rehearsal) == []
    assert rehearsal.state["groups"] == {}
    planned = [line for line in rehearsal.out.splitlines() if line.startswith("would ")]
    assert len(planned) == 1 + len(changes(life["first"]))  # and the key
    assert changes(life["down_rehearsal"]) == []
    assert "would delete resource group demo" in life["down_rehearsal"].out


def test_removing_asks_first(life: dict[str, Run]) -> None:
    unasked = life["down_unasked"]
    assert unasked.status == 1
    assert changes(unasked) == []
    assert "--yes" in unasked.err


def test_removing_leaves_nothing(life: dict[str, Run]) -> None:
    assert changes(life["down"]) == ["az group delete"]
    assert life["down"].state["groups"] == {}
    assert life["down"].state["accounts"] == {}


def test_the_password_is_in_a_file_of_its_owner_and_nowhere_else(
    life: dict[str, Run], place: Path
) -> None:
    file = place / "secrets" / "sftpdemo1.partner.password"
    assert file.read_text() == f"{PASSWORD}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((place / "secrets" / "id_rsa").stat().st_mode) == 0o600
    for run in life.values():
        assert PASSWORD not in run.seen_by_others
        assert "PRIVATE KEY" not in run.seen_by_others


def test_removing_spares_what_it_did_not_make(workshop: Workshop) -> None:
    """Another's group, another's account in it, and something else."""
    workshop.settings["AZURE_STORAGE_ACCOUNTS"] = "sftpdemo1 another1"
    workshop.holds(
        empty_cloud(
            groups={"demo": {"name": "demo", "tags": {}}},
            accounts={"sftpdemo1": account(), "another1": account(name="another1", tags=None)},
            other_resources=[("Microsoft.Sql/servers", "a-database")],
        )
    )
    run = workshop.run("down", "--yes")
    assert changes(run) == ["az storage account delete"]
    assert list(run.state["accounts"]) == ["another1"]
    assert "another1 stays" in run.out
    assert "it also holds another1 a-database" in run.out


def test_a_resource_of_an_account_s_name_keeps_the_group_that_it_is_in(workshop: Workshop) -> None:
    others = [("Microsoft.KeyVault/vaults", "sftpdemo1"), ("Microsoft.Insights/rules", "a b")]
    groups = {"demo": {"name": "demo", "tags": {"created_by": "sftp_async"}}}
    workshop.holds(
        empty_cloud(groups=groups, accounts={"sftpdemo1": account()}, other_resources=others)
    )
    run = workshop.run("down", "--yes")
    assert changes(run) == ["az storage account delete"]
    assert "it also holds sftpdemo1 a b" in run.out


def test_no_password_is_made_that_cannot_be_kept(workshop: Workshop) -> None:
    workshop.settings["SFTP_SECRETS_DIR"] = str(workshop.place / "settings")  # a file
    run = workshop.run("up", "--no-sample-data")
    assert run.status == 1
    assert "No password was made" in run.err.splitlines()[-1]
    assert changes(run)[-1] == "az storage account local-user create"


def test_sftp_is_switched_on_where_it_is_off(workshop: Workshop) -> None:
    password = workshop.place / "secrets" / "sftpdemo1.partner.password"
    password.write_text("an old one, which all users can read")
    password.chmod(0o644)
    workshop.holds(
        empty_cloud(
            groups={"demo": {"name": "demo", "tags": {}}},
            accounts={"sftpdemo1": account(isSftpEnabled=False, isLocalUserEnabled=None)},
            **{"container-rm": {"sftpdemo1": ["target"]}, "local-user": {"sftpdemo1": ["partner"]}},
        )
    )
    run = workshop.run("up", "--no-sample-data", "--new-passwords")
    assert run.err == ""
    assert changes(run) == [
        "az storage account update",
        "az storage container-rm create",
        "az storage account local-user create",
        "az storage account local-user regenerate-password",
    ]
    assert stat.S_IMODE(password.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("cloud", "sentence"),
    [
        ({"failing": "account show"}, "its own words are above. Log in first: az login"),
        ({"failing": "storage account create", "status": 3}, "'az' ended with status 3"),
        ({"failing": "storage blob upload"}, "Storage Blob Data Contributor"),
        ({"taken": ["sftpdemo1"]}, "unique in all of Azure"),
        ({"accounts": {"sftpdemo1": account(resourceGroup="x")}}, "is in resource group 'x'"),
        ({"accounts": {"sftpdemo1": account(isHnsEnabled=None)}}, "no hierarchical namespace"),
    ],
)
def test_a_failure_ends_in_a_sentence(
    workshop: Workshop, cloud: dict[str, Any], sentence: str
) -> None:
    workshop.holds(empty_cloud(**cloud))
    run = workshop.run("up", AZURE_KEY_USERS="", AZURE_PASSWORD_USERS="")
    assert run.status == 1
    last = run.err.splitlines()[-1]
    assert last.startswith("azure-sftp.sh: ")
    assert sentence in last
    assert "SFTP_HOST" not in run.out


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("AZURE_STORAGE_ACCOUNTS", "", "AZURE_STORAGE_ACCOUNTS is not set"),
        ("AZURE_STORAGE_ACCOUNTS", "Sftp-Demo", "3 to 24 lower-case letters and digits"),
        ("AZURE_TARGET_CONTAINER", "a--b", "is no container"),
        ("AZURE_KEY_USERS", "partner", "keep it in one"),
        ("PATH", "/tmp", "wanted NAME=value"),
    ],
)
def test_a_wrong_setting_is_refused_before_any_call(
    workshop: Workshop, name: str, value: str, sentence: str
) -> None:
    workshop.settings[name] = value
    run = workshop.run("up")
    assert (run.status, run.calls) == (1, [])
    assert sentence in run.err


def test_nothing_in_the_settings_is_run_and_the_environment_goes_first(workshop: Workshop) -> None:
    pwned = workshop.place / "pwned"
    workshop.settings["AZURE_LOCATION"] = f"$(touch {pwned})`touch {pwned}`"
    run = workshop.run("up", "--dry-run", "--no-sample-data", AZURE_KEY_USERS="night")
    assert run.status == 0
    assert not pwned.exists()
    assert "would create local user sftpdemo1.night" in run.out


@pytest.mark.parametrize("script", ["azure-sftp.sh", "databricks-secrets.sh"])
def test_help_and_mistakes_call_nothing(workshop: Workshop, script: str) -> None:
    workshop.script = workshop.script.parent / script
    asked = workshop.run("--help")
    assert (asked.status, asked.err, asked.calls) == (0, "", [])
    assert f"scripts/{script} up" in asked.out
    wrong = workshop.run("upp")
    assert (wrong.status, wrong.calls) == (1, [])
    assert "'upp' is not known here" in wrong.err
