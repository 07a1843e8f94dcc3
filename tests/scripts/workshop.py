"""Runs the scripts with stand-ins for the commands they call, and tells what was called."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scripts import az, databricks
from tests.scripts.standing_in import StandingIn

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """What a run of a script printed, called and left behind."""

    status: int
    out: str
    err: str
    calls: list[dict[str, Any]]
    state: dict[str, Any]

    @property
    def commands(self) -> list[str]:
        """Each call's words before its first option: `az group create`."""
        lines = []
        for call in self.calls:
            words = [call["name"], *call["argv"]]
            end = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
            lines.append(" ".join(words[:end]))
        return lines

    @property
    def seen_by_others(self) -> str:
        """All that a neighbour or a log can see: output and process arguments."""
        return self.out + self.err + json.dumps([call["argv"] for call in self.calls])


class Workshop:
    """A place with stand-ins on PATH, the state of their cloud, and settings.

    Args:
        place: an empty directory, the home directory of the script.
        script: its name.
        state: what the cloud holds at first.

    """

    def __init__(self, place: Path, script: str, state: dict[str, Any]) -> None:
        self.place = place
        self.script = ROOT / "scripts" / script
        self.bin = place / "bin"
        self.bin.mkdir()
        self.command("python3", f'#!/bin/sh\nexec {sys.executable} -SI "$@"\n')
        # The real one would call a host that is not ours.
        self.command("ssh-keyscan", "#!/bin/sh\nexit 1\n")
        self.holds(state)
        self.settings: dict[str, str] = {}
        self.settings_mode = 0o600

    def holds(self, state: dict[str, Any]) -> None:
        """Set what the cloud holds; `failing` is the command that fails there, with `status`."""
        self.state = {"failing": None, "status": 1} | state

    def command(self, name: str, text: str) -> None:
        """Put a command on the script's PATH."""
        file = self.bin / name
        file.write_text(text)
        file.chmod(0o755)

    def answer(self, call: dict[str, Any]) -> str:
        """Answer as the command does that is called."""
        if call["name"] == "az":
            return az.answer(call["argv"], self.state)
        return databricks.answer(call["argv"], self.state, call["given"])

    def run(self, *arguments: str, **environment: str) -> Run:
        """Run the script; it has no terminal."""
        settings = self.place / "settings"
        settings.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        settings.chmod(self.settings_mode)
        with StandingIn(self.answer) as standing_in:
            for name in ("az", "databricks"):
                self.command(name, standing_in.command)
            done = subprocess.run(
                [str(self.script), *arguments, "--env", str(settings)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env={
                    "PATH": f"{self.bin}:/usr/bin:/bin",
                    "HOME": str(self.place),
                    **environment,
                },
            )
        state = copy.deepcopy(self.state)
        return Run(done.returncode, done.stdout, done.stderr, standing_in.calls, state)

    def cast(self, **runs: Callable[[], Run]) -> dict[str, Run]:
        """Run one after the other, on the state that the one before has left."""
        return {name: run() for name, run in runs.items()}
