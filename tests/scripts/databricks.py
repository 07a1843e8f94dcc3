"""A stand-in for the Databricks CLI: its secrets over a state file; every call is recorded."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    place = Path(os.environ["STANDIN"])
    arguments = sys.argv[1:]
    given = sys.stdin.read() if arguments[:2] == ["secrets", "put-secret"] else ""
    with (place / "calls").open("a") as calls:
        profile = os.environ.get("DATABRICKS_CONFIG_PROFILE")
        call = {"argv": ["databricks", *arguments], "stdin": given, "profile": profile}
        calls.write(json.dumps(call) + "\n")
    state = json.loads((place / "state").read_text())
    scopes = state["scopes"]
    if " ".join(arguments[:2]) == state["failing"]:
        print("Error: PERMISSION_DENIED: no permission on the scope", file=sys.stderr)
        sys.exit(state["status"])
    match arguments:
        case ["current-user", "me", "--output", "json"]:
            json.dump({"userName": "someone@example.com"}, sys.stdout)
        case ["secrets", "list-scopes", "--output", "json"]:
            json.dump([{"name": name, "backend_type": "DATABRICKS"} for name in scopes], sys.stdout)
        case ["secrets", "list-secrets", scope, "--output", "json"]:
            listed = [{"key": key, "last_updated_timestamp": 1} for key in scopes[scope]]
            json.dump(listed, sys.stdout)
        case ["secrets", "create-scope", scope] if scope not in scopes:
            scopes[scope] = {}
        case ["secrets", "put-secret", scope, key]:
            scopes[scope][key] = given
        case ["secrets", "delete-secret", scope, key]:
            del scopes[scope][key]
        case ["secrets", "delete-scope", scope]:
            del scopes[scope]
        case _:
            print(f"Error: unknown command {arguments}", file=sys.stderr)
            sys.exit(1)
    (place / "state").write_text(json.dumps(state))
