"""A stand-in for the Databricks CLI: its secrets over a state."""

from __future__ import annotations

import json
from typing import Any

from tests.scripts.standing_in import Refused


def answer(argv: list[str], state: dict[str, Any], given: str) -> str:
    """Return what `databricks` prints on standard output; `given` is on its standard input."""
    scopes = state["scopes"]
    if " ".join(argv[:2]) == state["failing"]:
        raise Refused("PERMISSION_DENIED: no permission on the scope", state["status"])
    match argv:
        case ["current-user", "me", "--output", "json"]:
            return json.dumps({"userName": "user@example.com"})
        case ["secrets", "list-scopes", "--output", "json"]:
            return json.dumps([{"name": name, "backend_type": "DATABRICKS"} for name in scopes])
        case ["secrets", "list-secrets", scope, "--output", "json"]:
            return json.dumps([{"key": key, "last_updated_timestamp": 1} for key in scopes[scope]])
        case ["secrets", "create-scope", scope] if scope not in scopes:
            scopes[scope] = {}
        case ["secrets", "put-secret", scope, key]:
            scopes[scope][key] = given
        case ["secrets", "delete-secret", scope, key]:
            del scopes[scope][key]
        case ["secrets", "delete-scope", scope]:
            del scopes[scope]
        case _:
            raise Refused(f"unknown command {argv}")
    return ""
