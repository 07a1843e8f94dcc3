"""A stand-in for the Azure CLI: a few commands over a state.

It answers as `az` does: the real query language (jmespath), tab-separated values, an error for an
option that the command does not have. Options and fields are those of Azure's own reference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jmespath

from tests.scripts.standing_in import Refused

COMMON = {"query", "output"}
OPTIONS = {
    "account show": set(),
    "group exists": {"name"},
    "group create": {"name", "location", "tags"},
    "group show": {"name"},
    "group delete": {"name", "yes"},
    "resource list": {"resource-group"},
    "storage account list": set(),
    "storage account check-name": {"name"},
    "storage account create": {
        "name", "resource-group", "location", "kind", "sku",
        "enable-hierarchical-namespace", "enable-sftp", "enable-local-user", "https-only",
        "min-tls-version", "allow-blob-public-access", "tags",
    },
    "storage account update": {"name", "resource-group", "enable-sftp", "enable-local-user"},
    "storage account delete": {"name", "resource-group", "yes"},
    "storage container-rm list": {"storage-account", "resource-group"},
    "storage container-rm create": {"storage-account", "resource-group", "name"},
    "storage account local-user list": {"account-name", "resource-group"},
    "storage account local-user create": {
        "account-name", "resource-group", "name", "home-directory", "permission-scope",
        "has-ssh-key", "has-ssh-password", "ssh-authorized-key",
    },
    "storage account local-user regenerate-password": {"account-name", "resource-group", "name"},
    "storage blob exists": {"account-name", "container-name", "name", "auth-mode"},
    "storage blob upload": {
        "account-name", "container-name", "name", "auth-mode", "file", "no-progress",
    },
}  # fmt: skip


def parse(argv: list[str]) -> tuple[str, dict[str, list[str]]]:
    """Split into the command and its options; one that comes twice has all its values."""
    words: list[str] = []
    options: dict[str, list[str]] = {}
    values = words
    for argument in argv:
        if argument.startswith("--"):
            values = options.setdefault(argument[2:], [])
        else:
            values.append(argument)
    return " ".join(words), options


def do(command: str, options: dict[str, list[str]], state: dict[str, Any]) -> Any:
    """Do a command on the state and return what `az` prints about it."""
    one = {name: values[0] for name, values in options.items() if values}
    name, group = one.get("name", ""), one.get("resource-group", "")
    account = one.get("account-name") or one.get("storage-account") or ""
    accounts, groups = state["accounts"], state["groups"]
    if group and group not in groups:
        raise Refused(f"(ResourceGroupNotFound) no resource group '{group}'", 3)
    if account and account not in accounts:
        raise Refused(f"(ResourceNotFound) no storage account '{account}'", 3)
    match command:
        case "account show":
            return {"name": "a subscription"}
        case "group exists":
            return name in groups
        case "group create":
            groups[name] = {"name": name, "tags": tags(options)}
        case "group show":
            return groups[name]
        case "group delete":
            del groups[name]
            for of_group in [
                a for a, account in accounts.items() if account["resourceGroup"] == name
            ]:
                del accounts[of_group]
        case "resource list":
            inside = [a for a, account in accounts.items() if account["resourceGroup"] == group]
            held = [{"type": "Microsoft.Storage/storageAccounts", "name": a} for a in inside]
            return held + [{"type": t, "name": n} for t, n in state["other_resources"]]
        case "storage account list":
            return list(accounts.values())
        case "storage account check-name":
            return {"nameAvailable": name not in accounts and name not in state["taken"]}
        case "storage account create":
            accounts[name] = {
                "name": name,
                "resourceGroup": group,
                "isHnsEnabled": one["enable-hierarchical-namespace"] == "true",
                "isSftpEnabled": one["enable-sftp"] == "true",
                "isLocalUserEnabled": one["enable-local-user"] == "true",
                "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"},
                "tags": tags(options),
            }
        case "storage account update":
            accounts[name].update(isSftpEnabled=True, isLocalUserEnabled=True)
        case "storage account delete":
            del accounts[name]
        case "storage container-rm list" | "storage account local-user list":
            return [{"name": found} for found in state[command.split()[-2]].get(account, [])]
        case "storage container-rm create" | "storage account local-user create":
            state[command.split()[-2]].setdefault(account, []).append(name)
        case "storage account local-user regenerate-password":
            return {"sshPassword": state["password"]}
        case "storage blob exists":
            return {"exists": [account, one["container-name"], name] in state["blobs"]}
        case "storage blob upload":
            assert Path(one["file"]).is_file()
            state["blobs"].append([account, one["container-name"], name])
    return None


def tags(options: dict[str, list[str]]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in options.get("tags", []))


def tab_separated(answer: Any) -> str:
    """Return a result as `--output tsv` prints it."""
    rows = answer if isinstance(answer, list) else [answer]
    cells = [row if isinstance(row, list) else [row] for row in rows]
    return "".join("\t".join(cell(value) for value in row) + "\n" for row in cells)


def cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def answer(argv: list[str], state: dict[str, Any]) -> str:
    """Return what `az` prints on standard output."""
    command, options = parse(argv)
    if command not in OPTIONS:
        raise Refused(f"'{command}' is misspelled or not recognized by the system.", 2)
    unknown = set(options) - OPTIONS[command] - COMMON
    if unknown:
        raise Refused(f"unrecognized arguments: {unknown}", 2)
    if command == state["failing"]:
        raise Refused("(AuthorizationFailed) no authorization", state["status"])
    answer = do(command, options, state)
    if "query" in options:
        answer = jmespath.search(options["query"][0], answer)
    match options["output"]:
        case ["none"]:
            return ""
        case ["tsv"]:
            return tab_separated(answer)
    return json.dumps(answer)
